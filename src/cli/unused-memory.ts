import { releaseFreeMemory, releaseProgramPages } from "../libc/resident-memory.ts";

/**
 * Gives back the memory that the start took, once that is over, and every minute what a burst has
 * left. Keeps nobody alive.
 */
export function releaseStartMemory(): void {
  setTimeout(() => {
    releaseProgramPages();
    releaseFreeMemory();
  }, STARTED_MS).unref();
  setInterval(releaseFreeMemory, AGAIN_MS).unref();
}

/** By then threads are up, and what listened or ran before is known. */
const STARTED_MS = 30_000;
const AGAIN_MS = 60_000;
