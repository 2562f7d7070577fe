import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "./libc.ts";

/**
 * Gives back what malloc holds and nobody uses, page by page (malloc_trim(3)): by itself glibc gives
 * back only what lies at its end. Takes 1 to 2 ms; does nothing with musl, which keeps less.
 */
export function releaseFreeMemory(): void {
  libc.malloc_trim?.(0);
}

/**
 * Unmaps the pages of the running program's code and constants: Node's, 50 MB after a start. They
 * stay in the page cache, from where those that are needed again come back at the next touch; what
 * only the start needed is resident no more. Returns how many bytes these ranges span, 0 where
 * /proc cannot tell.
 */
export function releaseProgramPages(): number {
  let bytes = 0;
  for (const { start, end } of unchangedRanges()) {
    libc.madvise(start, end - start, MADV_DONTNEED);
    bytes += Number(end - start);
  }
  return bytes;
}

/** Resident memory that is no file's: heaps and stacks (proc_pid_statm(5)). Zero where /proc cannot tell. */
export function anonymousBytes(): number {
  try {
    const [, resident = 0, ofFiles = 0] = readFileSync("/proc/self/statm", "utf8")
      .split(" ")
      .map(Number);
    return (resident - ofFiles) * libc.getpagesize();
  } catch {
    return 0;
  }
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * What of the program's file is mapped, cannot be written to, and stands there as in the file: a
 * page that the loader has changed would be lost (proc_pid_smaps(5)).
 */
function unchangedRanges(): readonly Range[] {
  let [program, mappings] = ["", ""];
  try {
    program = readlinkSync("/proc/self/exe");
    mappings = readFileSync("/proc/self/smaps", "utf8");
  } catch {
    return [];
  }
  return mappings.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((mapping) => {
    const [, start, end, path] = MAPPING.exec(mapping) ?? [];
    const isUnchanged = path === program && /^Anonymous: +0 kB$/m.test(mapping);
    return isUnchanged ? [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }] : [];
  });
}

/** Private, for reading or running. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(.+)$/m;
const MADV_DONTNEED = 4;
