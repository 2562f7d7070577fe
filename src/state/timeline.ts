import type { Event } from "../events/event.ts";

/** When events happened around the one that is shown: nanoseconds since the Unix epoch. */
export interface EventTimes {
  /** Of the source's first event. */
  readonly first: bigint;
  /** Of the event handed over before; that of the shown one itself when it is the first. */
  readonly previous: bigint;
}

/** Keeps the times of a source's first event and of its last two. Hot: every event passes here, so nothing is allocated. */
export class Timeline implements EventTimes {
  readonly #times = new BigUint64Array(3);
  #isEmpty = true;

  /** Takes the next event; the one before becomes `previous`. */
  see(event: Event): void {
    const times = this.#times;
    if (this.#isEmpty) {
      times.fill(event.timestamp);
      this.#isEmpty = false;
      return;
    }
    times[PREVIOUS] = times[LAST] ?? 0n;
    times[LAST] = event.timestamp;
  }

  get first(): bigint {
    return this.#times[FIRST] ?? 0n;
  }

  get previous(): bigint {
    return this.#times[PREVIOUS] ?? 0n;
  }
}

const [FIRST, PREVIOUS, LAST] = [0, 1, 2];
