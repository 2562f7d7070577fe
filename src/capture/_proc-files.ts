import { readdirSync, readlinkSync } from "node:fs";
import { readBeginning } from "../untrusted/read-bounded.ts";

/**
 * The beginning of a file below /proc; empty where there is none, or it may not be read: processes
 * come and go.
 */
export function textOf(path: string, maxBytes = MAX_BYTES): string {
  try {
    return readBeginning(path, maxBytes);
  } catch {
    return "";
  }
}

/** Where a link leads to; empty as above. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Names in a folder; none as above. */
export function listOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Of what the kernel itself makes up, such as lists of sockets. */
const MAX_BYTES = 64 << 20;
