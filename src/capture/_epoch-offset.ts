import { check, libc } from "../libc/libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;
const TRIES = 5;

/**
 * Nanoseconds from a time since boot (suspend included) to the time of day; the best of a few
 * tries, good to about a microsecond.
 */
export function epochOffsetNs(): bigint {
  let best = { offset: 0n, width: -1n };
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const before = clockNs(CLOCK_BOOTTIME);
    const realtime = clockNs(CLOCK_REALTIME);
    const width = clockNs(CLOCK_BOOTTIME) - before;
    if (best.width < 0n || width < best.width)
      best = { offset: realtime - before - width / 2n, width };
  }
  return best.offset;
}

function clockNs(clock: number): bigint {
  const time = new BigInt64Array(2);
  check(libc.clock_gettime(clock, new Uint8Array(time.buffer)), `read clock ${clock}`);
  return (time[0] ?? 0n) * 1_000_000_000n + (time[1] ?? 0n);
}
