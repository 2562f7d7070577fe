import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, messageOf } from "../lib/errors.ts";
import { makePrivateFolder } from "../store/private-folder.ts";
import { newToken } from "../web/token.ts";

/**
 * The token in a file that only its owner reads; made where there is none. Throws `CONFIG_WEB` when
 * others could have read or written it.
 */
export function tokenOf(path: string): string {
  return tokenIn(path) ?? makeToken(path);
}

/** The token in a file; undefined when there is no such file. Throws `CONFIG_WEB`. */
export function tokenIn(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid, mode, size } = fstatSync(fd);
    if (uid !== process.geteuid?.() || (mode & 0o077) !== 0 || size > TOKEN_BYTES)
      throw refusal(path, "others may have read it");
    const token = readFileSync(fd, "utf8").trim();
    if (token.length < TOKEN_MIN) throw refusal(path, "it is too short");
    return token;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw refusal(path, messageOf(thrown));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function makeToken(path: string): string {
  makePrivateFolder(dirname(path));
  const token = newToken();
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, `${token}\n`);
  } finally {
    closeSync(fd);
  }
  return token;
}

function refusal(path: string, state: string): AppError {
  return new AppError("CONFIG_WEB", `Cannot use the token in "${path}": ${state}`, {
    hint: "remove the file, and a new token is made",
  });
}

const TOKEN_BYTES = 4096;
const TOKEN_MIN = 32;
