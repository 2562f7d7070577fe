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

/**
 * The same of a file that is read out of the process's memory (cmdline, environ): whoever reads it
 * waits for the lock of its memory map, and a process that waits for a file system may hold that
 * for ever. So it is empty as well while a thread of the process waits for something that cannot
 * be interrupted (state D of proc_pid_stat(5)), or when it has more threads than are looked at.
 */
export function memoryTextOf(directory: string, file: string, options: MemoryTextOptions): string {
  return mayHoldMemory(directory, options) ? "" : textOf(`${directory}/${file}`, options.maxBytes);
}

/** What is read of a process's memory, and how much at most. */
export interface MemoryTextOptions {
  /** The text of the process's `stat`. */
  readonly stat: string;
  /** A thread takes some 20 µs to look at. */
  readonly maxThreads: number;
  readonly maxBytes: number;
}

function mayHoldMemory(directory: string, { stat, maxThreads }: MemoryTextOptions): boolean {
  const [state, threads] = stateOf(stat);
  if (state === "D" || threads > maxThreads) return true;
  return (
    threads > 1 &&
    listOf(`${directory}/task`).some(
      (tid) => stateOf(textOf(`${directory}/task/${tid}/stat`))[0] === "D",
    )
  );
}

/** State and number of threads (proc_pid_stat(5)). */
function stateOf(stat: string): readonly [string | undefined, number] {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 18);
  return [fields[0], Number(fields[17])];
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
