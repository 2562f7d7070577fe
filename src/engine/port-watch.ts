import { type Priority, urgencyOf } from "../rules/priority.ts";
import {
  type OpenPort,
  type PortClosing,
  type PortOpening,
  type PortPlace,
  PortInventory,
  placeKey,
} from "../ports/port-inventory.ts";

/** What an alert about a port says, as far as it matters here. */
export interface PortAlert {
  readonly rule: string;
  readonly priority: Priority;
  readonly place: PortPlace;
  /**
   * `bind`: the socket has an address and may listen later; `listen`: it has begun to; `other`: an
   * event on it, or on a connection to it.
   */
  readonly by: "bind" | "listen" | "other";
  /** When its event happened: milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * What is to be done with an alert about a port: `news` and `further` are written; `known` says
 * nothing new.
 */
export type PortVerdict = "news" | "further" | "known";

/** Who hears of ports that are to be examined, or that never listen; `now` in milliseconds. */
export interface PortWatchOptions {
  /** A port that an alert was about listens: once for each opening. */
  readonly onExamine: (place: PortPlace) => void;
  /**
   * Ports of a container (or of the host) that were bound a while ago, and of which no socket is
   * known to listen.
   */
  readonly onNeverListened: (container: string | undefined, places: readonly PortPlace[]) => void;
  /** Milliseconds, of a clock that does not jump. */
  readonly now: () => number;
}

/** One opening of a port, from its bind to its last socket's end. */
interface Opening {
  readonly place: PortPlace;
  /** Rules that have alerted about it. */
  readonly rules: Set<string>;
  /** Of the most urgent of their alerts, 0 for the most urgent of all. */
  urgency: number;
  /** When its socket was bound, as long as it has not listened. */
  boundAt: number | undefined;
  isOverdue: boolean;
}

/**
 * Decides which alerts about ports are news, and when a port is to be examined: as soon as one that
 * an alert was about listens, be it before or after the alert. What listens is known from the
 * sockets themselves. A bind and the listen that follows are one opening, and so are all alerts of
 * rules about it: a further one is news only when it is more urgent than those before.
 */
export class PortWatch {
  readonly inventory = new PortInventory();
  readonly #options: PortWatchOptions;
  /** INVARIANT: the keys are the ports of the inventory and those that wait to listen. */
  readonly #openings = new Map<string, Opening>();
  /** Bound, not listening: keys by container, in the order of their binds. */
  readonly #waiting = new Map<string, Set<string>>();
  /**
   * Containers with more of them than are kept, and when that was last so: for a while, whatever
   * begins to listen there is examined.
   */
  readonly #crowded = new Map<string, number>();
  /** Closed a moment ago, and when: an alert from before, that had to wait, may still come. */
  readonly #closed = new Map<string, number>();
  #suppressed = 0;

  constructor(options: PortWatchOptions) {
    this.#options = options;
  }

  /** Alerts left out because they said nothing new. */
  get suppressed(): number {
    return this.#suppressed;
  }

  /** Sockets that are bound and do not listen yet. */
  get bound(): number {
    let count = 0;
    for (const keys of this.#waiting.values()) count += keys.size;
    return count;
  }

  /** A socket listens. True when it is the first of its port. */
  opened(opening: PortOpening): boolean {
    const verdict = this.inventory.opened(opening);
    if (verdict === "known") return false;
    const key = placeKey(opening);
    this.#closed.delete(key);
    const known = this.#openings.get(key);
    const isFull = verdict === "full";
    const isAwaited = known !== undefined || (!isFull && this.#isCrowded(opening.container ?? ""));
    this.#listens(key, known ?? newOpening(opening));
    // Nothing would say when it ends, and it may be found any number of times.
    if (isFull) this.#openings.delete(key);
    if (isAwaited) this.#options.onExamine(opening);
    return verdict === "news";
  }

  /** `at`: when that was, in milliseconds since the Unix epoch; the same of those below. */
  closed(closing: PortClosing, at: number): OpenPort | undefined {
    const port = this.inventory.closed(closing);
    if (port !== undefined) this.#forget(port, at);
    return port;
  }

  /** All that the container had open, or bound. */
  containerGone(container: string, at: number): readonly OpenPort[] {
    const ports = this.inventory.containerGone(container);
    for (const port of ports) this.#forget(port, at);
    for (const key of this.#waiting.get(container) ?? []) this.#openings.delete(key);
    this.#waiting.delete(container);
    this.#crowded.delete(container);
    return ports;
  }

  /** For sources that see no closings: forgets what does not listen any more. */
  reconcile(
    namespace: number,
    listening: readonly Pick<PortPlace, "address" | "port">[],
    at: number,
  ): void {
    for (const port of this.inventory.reconcile(namespace, listening)) this.#forget(port, at);
  }

  alert(alert: PortAlert): PortVerdict {
    const place = this.#openingOf(alert);
    const key = placeKey(place);
    const known = this.#openings.get(key);
    if (known === undefined || (known.isOverdue && alert.by === "bind"))
      return this.#first(key, place, alert);
    if (known.rules.size > 0 && !this.#isMore(known, alert)) {
      this.#suppressed += 1;
      return "known";
    }
    const isFirst = known.rules.size === 0;
    known.rules.add(alert.rule);
    known.urgency = Math.min(known.urgency, urgencyOf(alert.priority));
    if (isFirst && known.boundAt === undefined) this.#options.onExamine(place);
    return isFirst ? "news" : "further";
  }

  /** To be called every few seconds: reports what was bound a while ago and does not listen. */
  reportOverdue(): void {
    const { now, onNeverListened } = this.#options;
    for (const [container, keys] of this.#waiting) {
      const overdue = [...keys]
        .map((key) => this.#openings.get(key))
        .filter((opening) => opening !== undefined)
        .filter(({ boundAt, isOverdue }) => !isOverdue && now() - (boundAt ?? 0) > OVERDUE_MS);
      for (const opening of overdue) opening.isOverdue = true;
      if (overdue.length > 0)
        onNeverListened(
          container === "" ? undefined : container,
          overdue.map(({ place }) => place),
        );
    }
  }

  /** An event on a connection names the connection's own address, not that of its listener. */
  #openingOf({ place, by }: PortAlert): PortPlace {
    if (by !== "other" || this.inventory.has(place)) return place;
    return this.inventory.listenerOf(place) ?? place;
  }

  /** The first alert about a port of which no socket is known to listen. */
  #first(key: string, place: PortPlace, { rule, priority, by, at }: PortAlert): PortVerdict {
    const opening = newOpening(place);
    opening.rules.add(rule);
    opening.urgency = urgencyOf(priority);
    // It listened when the event happened, though it may be over: that is for the examination to say.
    const closedAt = this.#closed.get(key);
    const isOver = closedAt !== undefined && at <= closedAt;
    if (by === "listen" || isOver) this.#options.onExamine(place);
    else this.#wait(key, opening);
    return "news";
  }

  #isMore(known: Opening, { rule, priority }: PortAlert): boolean {
    return !known.rules.has(rule) && urgencyOf(priority) < known.urgency;
  }

  #wait(key: string, opening: Opening): void {
    const container = opening.place.container ?? "";
    const keys = this.#waiting.get(container) ?? new Set();
    this.#waiting.set(container, keys);
    const [oldest] = keys.size < BOUND_MAX ? [] : keys;
    if (oldest !== undefined) {
      keys.delete(oldest);
      this.#openings.delete(oldest);
      this.#crowded.set(container, this.#options.now());
    }
    keys.delete(key);
    keys.add(key);
    opening.boundAt = this.#options.now();
    this.#openings.set(key, opening);
  }

  #isCrowded(container: string): boolean {
    const at = this.#crowded.get(container);
    if (at === undefined) return false;
    const isRecent = this.#options.now() - at < CROWDED_MS;
    if (!isRecent) this.#crowded.delete(container);
    return isRecent;
  }

  #listens(key: string, opening: Opening): void {
    const container = opening.place.container ?? "";
    const keys = this.#waiting.get(container);
    keys?.delete(key);
    if (keys?.size === 0) this.#waiting.delete(container);
    opening.boundAt = undefined;
    opening.isOverdue = false;
    this.#openings.set(key, opening);
  }

  #forget(port: PortPlace, at: number): void {
    const key = placeKey(port);
    this.#openings.delete(key);
    this.#closed.delete(key);
    this.#closed.set(key, at);
    const [oldest] = this.#closed.size > CLOSED_MAX ? this.#closed.keys() : [];
    if (oldest !== undefined) this.#closed.delete(oldest);
  }
}

function newOpening(place: PortPlace): Opening {
  return {
    place,
    rules: new Set(),
    urgency: Number.POSITIVE_INFINITY,
    boundAt: undefined,
    isOverdue: false,
  };
}

/** So long a bound socket may take to listen before that is worth a word. */
const OVERDUE_MS = 30_000;

/** Bound sockets of one container that are kept; some 500 bytes each. */
export const BOUND_MAX = 2048;

const CROWDED_MS = 600_000;

/** Closed ports that are remembered for alerts that come late. */
const CLOSED_MAX = 1024;
