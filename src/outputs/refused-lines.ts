import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { errnoOf } from "../lib/errno.ts";
import { readBounded } from "../untrusted/read-bounded.ts";

/** One line that was refused, as it stands in the file; its texts are others' words. */
export interface RefusedEntry {
  readonly time: string;
  readonly output: string;
  readonly target: string;
  readonly reason: string;
  readonly line: string;
}

/** What a `RefusedFile` has, the newest last. */
export interface RefusedEntries {
  readonly entries: readonly RefusedEntry[];
  /** How many came too fast to be kept. */
  readonly leftOut: number;
  /** Lines of the file that are none of ours, or lie beyond what is read. */
  readonly unreadable: number;
}

/** Reads the file and the one before it, of each at most 64 MiB. Throws as open(2) and read(2) fail. */
export function refusedEntries(path: string): RefusedEntries {
  const entries: RefusedEntry[] = [];
  let [leftOut, unreadable] = [0, 0];
  for (const line of [...linesIn(`${path}.1`), ...linesIn(path)]) {
    const found = parsed(line);
    if (found === undefined) unreadable += 1;
    else if ("leftOut" in found) leftOut += found.leftOut;
    else entries.push(found);
  }
  return { entries, leftOut, unreadable };
}

function linesIn(path: string): readonly string[] {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  let fd: number | undefined;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new Error("it is not a file");
    const text = readBounded(fd, MAX_BYTES).toString("utf8");
    return text.split("\n").filter((line) => line !== "");
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw thrown;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function parsed(line: string): RefusedEntry | { readonly leftOut: number } | undefined {
  try {
    // What is not there or of another type is found by the checks below.
    const value = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
    if (typeof value?.["leftOut"] === "number") return { leftOut: value["leftOut"] };
    const texts = KEYS.map((key) => [key, value?.[key]]);
    if (!texts.every(([, text]) => typeof text === "string")) return undefined;
    return Object.fromEntries(texts);
  } catch {
    return undefined;
  }
}

const KEYS = ["time", "output", "target", "reason", "line"] as const;
const MAX_BYTES = 64 << 20;
