/** A ring as far as waiting for it goes. */
export interface WaitingRing {
  /** In bytes. */
  readonly size: number;
  /** Bytes taken out since the map was made. */
  readonly position: number;
  readonly isClosed: boolean;
  /** Calls `wake` when there is something to read, and at its end. */
  waitReadable(wake: () => void): void;
  /** Calls `wake` at its end alone. */
  waitClosed(wake: () => void): void;
  stopWaiting(): void;
}

/** Rings that are drained together. */
export interface RunningRings {
  readonly rings: readonly WaitingRing[];
  /** Hands over what there is, at most a batch; returns how many, 0 when nothing is left. */
  readonly drain: () => number;
  /** The last batch was not all. */
  readonly isBehind: () => boolean;
}

/**
 * Drains until a ring is closed. When idle it waits for the kernel's wake-up, which costs nothing;
 * after one it pauses before each drain, because a wake-up for every record costs five times more
 * than the record: 2 ms, then 4, and 8 as long as records come, or as long as an eighth of a ring
 * takes to fill at the rate of the last pause. What `drain` throws rejects the promise.
 */
export async function runRings({ rings, drain, isBehind }: RunningRings): Promise<void> {
  const isClosed = (): boolean => rings.some((ring) => ring.isClosed);
  while (!isClosed()) {
    await readable(rings);
    let found = 1;
    let longestMs = FIRST_MS;
    let pause = longestMs;
    while (found > 0 && !isClosed()) {
      const paused = performance.now();
      const positions = rings.map((ring) => ring.position);
      // A timer knows whole milliseconds.
      await (pause < 1 ? immediate() : sleep(rings, pause));
      found = drain();
      const elapsedMs = performance.now() - paused;
      longestMs = Math.min(2 * longestMs, LAST_MS);
      pause = Math.min(
        ...rings.map((ring, index) =>
          pauseAfter(ring.position - (positions[index] ?? 0), {
            elapsedMs,
            ringBytes: ring.size,
            longestMs,
          }),
        ),
      );
      // Under load, one batch after another, but the rest of the program gets its turn.
      while (isBehind() && !isClosed()) {
        await immediate();
        drain();
      }
    }
  }
}

/** What the next pause is reckoned from; times in milliseconds. */
interface Flow {
  readonly elapsedMs: number;
  readonly ringBytes: number;
  readonly longestMs: number;
}

/**
 * How long the next pause may be, when the ring got so many bytes in the time since the last one
 * began.
 */
export function pauseAfter(bytes: number, { elapsedMs, ringBytes, longestMs }: Flow): number {
  return bytes === 0
    ? longestMs
    : Math.min(longestMs, (ringBytes * FILLED_SHARE * elapsedMs) / bytes);
}

function readable(rings: readonly WaitingRing[]): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      for (const ring of rings) ring.stopWaiting();
      resolve();
    };
    for (const ring of rings) ring.waitReadable(wake);
  });
}

function sleep(rings: readonly WaitingRing[], milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const ring of rings) ring.stopWaiting();
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    for (const ring of rings) ring.waitClosed(done);
  });
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const FIRST_MS = 2;
/** Where some 800 events come a second, this costs 0.66 to 0.80 of what 2 ms do (bench/soak.ts). */
const LAST_MS = 8;
/** What may be in a ring before it is drained. */
const FILLED_SHARE = 1 / 8;
