import { placeKey, type PortPlace } from "../ports/port-inventory.ts";

/**
 * UDP sockets that were bound, as far as alerts tell: the kernel has no state for them that could
 * be followed, so an alert of the same rule about the same place is news again after a while.
 */
export class DatagramBinds {
  /** Place and rule → when it was news, in the order of time. */
  readonly #seen = new Map<string, number>();
  readonly #now: () => number;
  #suppressed = 0;

  /** `now`: milliseconds, of a clock that does not jump. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Alerts left out because they said nothing new. */
  get suppressed(): number {
    return this.#suppressed;
  }

  alert(rule: string, place: PortPlace): "news" | "known" {
    const now = this.#now();
    for (const [key, at] of this.#seen) {
      if (now - at < REMEMBERED_MS && this.#seen.size < SEEN_MAX) break;
      this.#seen.delete(key);
    }
    const key = `${rule}\0${placeKey(place)}`;
    if (this.#seen.has(key)) {
      this.#suppressed += 1;
      return "known";
    }
    this.#seen.set(key, now);
    return "news";
  }
}

const REMEMBERED_MS = 60_000;
const SEEN_MAX = 4096;
