import { closeSync, constants, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makePrivateFolder } from "../store/private-folder.ts";
import { newToken } from "../web/token.ts";
import { secretIn, secretRefusal } from "./secret-file.ts";

/**
 * The token in a file that only its owner reads; made where there is none. Throws `CONFIG_WEB` when
 * others could have read or written it.
 */
export function tokenOf(path: string): string {
  return tokenIn(path) ?? makeToken(path);
}

/** The token in a file; undefined when there is no such file. Throws `CONFIG_WEB`. */
export function tokenIn(path: string): string | undefined {
  const token = secretIn(path, { what: WHAT, bytesMax: TOKEN_BYTES })?.trim();
  if (token !== undefined && token.length < TOKEN_MIN)
    throw secretRefusal(path, WHAT, "it is too short");
  return token;
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

const WHAT = "the token";
const TOKEN_BYTES = 4096;
const TOKEN_MIN = 32;
