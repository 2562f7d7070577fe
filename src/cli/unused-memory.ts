import { compactHeap } from "../lib/compact-heap.ts";
import { sharedInterval } from "../lib/shared-interval.ts";
import { anonymousBytes, releaseFreeMemory, releaseProgramPages } from "../libc/resident-memory.ts";

/**
 * Gives back the memory that the start took, once that is over and no burst of events waits to be
 * read meanwhile, and what a burst has left, once that is. Keeps nobody alive.
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
  const startShare = shareSinceLastTime();
  const releaseStart = (): void => {
    if (startShare() < BURST_SHARE) release();
    else setTimeout(releaseStart, QUIET_MS).unref();
  };
  setTimeout(() => {
    startShare();
    setTimeout(releaseStart, QUIET_MS).unref();
  }, STARTED_MS - QUIET_MS).unref();
  const share = shareSinceLastTime();
  sharedInterval(() => {
    const isAtRest = share() < REST_SHARE;
    const worth = Math.max(WORTH_BYTES, leastBytes * WORTH_SHARE);
    if (isAtRest && anonymousBytes() > leastBytes + worth) return release();
    releaseFreeMemory();
    if (isAtRest) releaseProgramPages();
  }, AGAIN_MS);
}

/** Gives the share of the time since it was called last in which this thread did anything. */
function shareSinceLastTime(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/** By then what listened or ran before is known. */
const STARTED_MS = 5000;
/** So long it must have been quiet. */
const QUIET_MS = 1000;
/** Program pages that are needed again come back by faults: each time takes some 20 ms of CPU. */
const AGAIN_MS = 120_000;
/** Share of the time in which a thread at rest does anything. */
const REST_SHARE = 0.05;
/**
 * From some thousand events a second on a thread does more: while it is held up, a ring of the
 * default size would fill by half, and who floods it would lose events.
 */
const BURST_SHARE = 0.1;
/** From so much on it is given back although that holds up the thread, the longer the more there is. */
const WORTH_BYTES = 4e6;
const WORTH_SHARE = 1 / 16;
