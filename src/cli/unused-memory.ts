import { compactHeap } from "../lib/compact-heap.ts";
import { sharedInterval } from "../lib/shared-interval.ts";
import { anonymousBytes, releaseFreeMemory, releaseProgramPages } from "../libc/resident-memory.ts";

/**
 * Gives back the memory that the start took, once that is over, and what a burst has left, once that
 * is. Keeps nobody alive.
 */
export function releaseUnusedMemory(): void {
  let leastBytes = Number.POSITIVE_INFINITY;
  const release = (): void => {
    compactHeap();
    releaseFreeMemory();
    // Last: all of this runs in them.
    releaseProgramPages();
    leastBytes = anonymousBytes();
  };
  setTimeout(release, STARTED_MS).unref();
  let before = performance.eventLoopUtilization();
  sharedInterval(() => {
    const now = performance.eventLoopUtilization();
    const isAtRest = performance.eventLoopUtilization(now, before).utilization < REST_SHARE;
    before = now;
    if (isAtRest && anonymousBytes() > leastBytes + WORTH_BYTES) return release();
    releaseFreeMemory();
    if (isAtRest) releaseProgramPages();
  }, AGAIN_MS);
}

/** By then what listened or ran before is known. */
const STARTED_MS = 5000;
const AGAIN_MS = 30_000;
/** Share of the time in which a thread at rest does anything. */
const REST_SHARE = 0.05;
/** From so much on it is given back although that holds up the thread. */
const WORTH_BYTES = 4e6;
