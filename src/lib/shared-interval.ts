/** Something that is done again and again. */
export interface SharedInterval {
  /** Safe to call twice. */
  close(): void;
}

interface Act {
  readonly act: () => void;
  readonly periodMs: number;
  leftMs: number;
}

/**
 * Calls `act` every `periodMs`, like setInterval(), by one timer for all that is done so: what is due
 * together wakes the thread once. The timer has the shortest period that was asked for, and what is
 * no multiple of that, or asked for before a shorter one came or went, comes up to one such period
 * late. The first call comes up to one period early.
 * Keeps nobody alive. What `act` throws, nobody catches.
 */
export function sharedInterval(act: () => void, periodMs: number): SharedInterval {
  const added: Act = { act, periodMs, leftMs: periodMs };
  ACTS.add(added);
  if (periodMs < tickMs) tickEvery(periodMs);
  return {
    close: () => {
      if (ACTS.delete(added) && ACTS.size === 0) tickEvery(Number.POSITIVE_INFINITY);
    },
  };
}

const ACTS = new Set<Act>();
let timer: NodeJS.Timeout | undefined;
let tickMs = Number.POSITIVE_INFINITY;

function tickEvery(ms: number): void {
  if (ms === tickMs) return;
  clearInterval(timer);
  tickMs = ms;
  timer = ACTS.size === 0 ? undefined : setInterval(wake, ms).unref();
}

function wake(): void {
  const passedMs = tickMs;
  // Who is added by one of them waits for the next time.
  for (const due of Array.from(ACTS)) {
    due.leftMs -= passedMs;
    if (due.leftMs > 0 || !ACTS.has(due)) continue;
    due.leftMs = due.periodMs;
    due.act();
  }
  // Here, and not when one is closed: who comes and goes would put off all others for ever.
  tickEvery(Math.min(...Array.from(ACTS, ({ periodMs }) => periodMs)));
}
