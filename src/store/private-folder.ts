import { closeSync, constants, fstatSync, mkdirSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AppError } from "../lib/errors.ts";

/**
 * Makes a folder that nobody else can write to, for files that are opened by their names. The folder
 * around it may be another user's. Throws `CONFIG_STORE` when what is there is not such a folder.
 */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o750 });
  closeSync(privateFolder(path));
}

/**
 * A folder and one in it, held while `use` runs: what it names by the path that it is given lies in
 * there, also when somebody puts another folder or a link in the place of either. Rejects with
 * `CONFIG_STORE` when others can write to one of them.
 */
export async function inPrivateFolder<T>(
  path: string,
  use: (inside: string) => Promise<T>,
): Promise<T> {
  const around = privateFolder(dirname(path));
  let fd: number | undefined;
  try {
    fd = privateFolder(`/proc/self/fd/${around}/${basename(path)}`, path);
    return await use(`/proc/self/fd/${fd}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
    closeSync(around);
  }
}

/** Its descriptor; `name` is what it is called in messages. */
function privateFolder(path: string, name = path): number {
  const fd = openFolder(path, name);
  const { uid, mode } = fstatSync(fd);
  if (uid === process.geteuid?.() && (mode & 0o022) === 0) return fd;
  closeSync(fd);
  throw refusal(name, "others can write to it");
}

function openFolder(path: string, name: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    throw refusal(name, "it is a link, or no folder");
  }
}

function refusal(path: string, state: string): AppError {
  return new AppError("CONFIG_STORE", `Cannot keep news in "${path}": ${state}`, {
    hint: "remove it, or set store.path",
  });
}
