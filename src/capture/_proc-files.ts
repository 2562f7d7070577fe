import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A file below /proc; empty where there is none, or it may not be read: processes come and go. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
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
