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
 * no multiple of that comes up to one such period late. The first call comes up to one period early.
 * Keeps nobody alive. What `act` throws, nobody catches.
 */
export function sharedInterval(act: () => void, periodMs: number): SharedInterval {
  const added: Act = { act, periodMs, leftMs: periodMs };
  ACTS.add(added);
  retime();
  return {
    close: () => {
      if (ACTS.delete(added)) retime();
    },
  };
}

const ACTS = new Set<Act>();
let timer: NodeJS.Timeout | undefined;
let shortestMs = Number.POSITIVE_INFINITY;

function retime(): void {
  const before = shortestMs;
  shortestMs = Math.min(...Array.from(ACTS, ({ periodMs }) => periodMs));
  if (shortestMs === before) return;
  clearInterval(timer);
  timer = ACTS.size === 0 ? undefined : setInterval(wake, shortestMs).unref();
}

function wake(): void {
  const passedMs = shortestMs;
  for (const due of ACTS) {
    due.leftMs -= passedMs;
    if (due.leftMs > 0) continue;
    due.leftMs = due.periodMs;
    due.act();
  }
}
