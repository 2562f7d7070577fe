import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConnectErrors } from "../audit/connect-errors.ts";
import { openToWrite } from "../untrusted/open-to-write.ts";
import { homeFolder } from "./home-folder.ts";

/** Bytes of the newest lines that are read: some ten thousand audits. */
const MAX_BYTES = 1024 * 1024;

/**
 * What servers have counted of this user's audits, kept in the user's state
 * (`$XDG_STATE_HOME/saker/connect-errors`), so that several runs do not make a server block the
 * address together. A file that cannot be read or written is done without.
 */
export function keptConnectErrors(env: NodeJS.ProcessEnv = process.env): ConnectErrors {
  const state = env["XDG_STATE_HOME"] ?? join(homeFolder(), ".local", "state");
  const path = join(state, "saker", "connect-errors");
  return new ConnectErrors({ path, append: (line) => append(path, line) }, read(path));
}

function read(path: string): string {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const tail = Buffer.alloc(Math.min(size, MAX_BYTES));
      const read = readSync(fd, tail, 0, tail.length, size - tail.length);
      return tail.toString("utf8", 0, read);
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}

function append(path: string, line: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openToWrite(path, { appends: true, mode: 0o600 });
    try {
      writeSync(fd, line);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The report matters more; the server still has its limit.
  }
}
