/**
 * Hands out ids: the time in epoch microseconds, each later than the one before, whatever the clock
 * does.
 */
export class RowClock {
  readonly #now: () => number;
  #last: number;

  /** `now`: epoch milliseconds; `last`: the newest id so far. */
  constructor(now: () => number, last: number) {
    this.#now = now;
    this.#last = last;
  }

  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last = Math.max(Math.floor(this.#now() * 1000), this.#last + 1);
    return this.#last;
  }
}

/** The minute since the Unix epoch that an id lies in. */
export function minuteOf(id: number): number {
  return Math.floor(id / MINUTE_US);
}

/** The id of the first microsecond at or after an epoch time in milliseconds. */
export function idAt(epochMs: number): number {
  return Math.max(0, Math.ceil(epochMs * 1000));
}

/** The epoch time of an id as ISO 8601, UTC. */
export function isoOfId(id: number): string {
  return new Date(id / 1000).toISOString();
}

const MINUTE_US = 60_000_000;
