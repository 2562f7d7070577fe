import type { Event } from "../events/event.ts";

/** When events happened around the one that is shown: nanoseconds since the Unix epoch. */
export interface EventTimes {
  /** Of the source's first event. */
  readonly first: bigint;
  /** Of the event handed over before; that of the shown one itself when it is the first. */
  readonly previous: bigint;
}

/**
 * Keeps the times of a source's first event and of its last two. Hot: every event passes here, so
 * nothing is allocated.
 */
export class Timeline implements EventTimes {
  /** Two halves of each, since whole 64-bit numbers would be allocated. */
  readonly #times = new Uint32Array(6);
  #isEmpty = true;

  /** Takes the next event; the one before becomes `previous`. */
  see(event: Event): void {
    const times = this.#times;
    if (this.#isEmpty) {
      for (const at of [FIRST, LAST]) event.copyTimestamp(times, at);
      this.#isEmpty = false;
    }
    times[PREVIOUS] = times[LAST] ?? 0;
    times[PREVIOUS + 1] = times[LAST + 1] ?? 0;
    event.copyTimestamp(times, LAST);
  }

  get first(): bigint {
    return this.#at(FIRST);
  }

  get previous(): bigint {
    return this.#at(PREVIOUS);
  }

  #at(index: number): bigint {
    return (BigInt(this.#times[index + 1] ?? 0) << 32n) | BigInt(this.#times[index] ?? 0);
  }
}

const [FIRST, PREVIOUS, LAST] = [0, 2, 4];
