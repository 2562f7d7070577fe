import { closeSync, constants, fstatSync, mkdirSync, openSync } from "node:fs";
import { AppError } from "../lib/errors.ts";

/**
 * Makes a folder that nobody else can write to, for files that are opened by their names. The folder
 * around it may be another user's. Throws `CONFIG_STORE` when what is there is not such a folder.
 */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o750 });
  const fd = openFolder(path);
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid === process.geteuid?.() && (mode & 0o022) === 0) return;
  } finally {
    closeSync(fd);
  }
  throw refusal(path, "others can write to it");
}

function openFolder(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    throw refusal(path, "it is a link, or no folder");
  }
}

function refusal(path: string, state: string): AppError {
  return new AppError("CONFIG_STORE", `Cannot keep news in "${path}": ${state}`, {
    hint: "remove it, or set store.path",
  });
}
