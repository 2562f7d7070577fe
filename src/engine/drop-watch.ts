import {
  type LossCounts,
  type Losses,
  lossesSince,
  lostRecords,
  NO_LOSSES,
} from "../capture/losses.ts";
import type { ProbeCounters } from "../capture/probe-counters.ts";

/** What was lost since it was told last. */
export interface Loss extends LossCounts {
  readonly events: number;
  /** Calls that were seen meanwhile, those included. */
  readonly seen: number;
}

/**
 * Where losses are read, and from which share and how often they are reported; `now` in
 * milliseconds.
 */
export interface DropWatchOptions {
  readonly counters: () => ProbeCounters;
  readonly losses: () => Losses;
  /** At once, whatever the threshold. */
  readonly onLost: () => void;
  readonly onLoss: (loss: Loss) => void;
  /** Share of the events from which on it is told. */
  readonly threshold: number;
  /** Times a second that it is told at most. */
  readonly rate: number;
  readonly now: () => number;
}

/**
 * Looks at the probe's losses and tells of them, once an interval: what was lost in between is in
 * the next one.
 */
export class DropWatch {
  readonly #options: DropWatchOptions;
  #known = 0;
  /**
   * The source counts from its own beginning, and what was lost before the first look counts, too.
   */
  #reported: { readonly seen: number; readonly losses: LossCounts } = {
    seen: 0,
    losses: NO_LOSSES,
  };
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DropWatchOptions) {
    this.#options = options;
  }

  /** To be called a few times a second while records come, and now and then at rest. */
  check(): void {
    const losses = this.#options.losses();
    const lost = lostRecords(losses);
    if (lost > this.#known) this.#options.onLost();
    this.#known = lost;
    const { threshold, rate, now } = this.#options;
    const since = lossesSince(losses, this.#reported.losses);
    const events = lostRecords(since);
    if (events === 0 || now() - this.#reportedAt < 1000 / rate) return;
    const { seen } = this.#options.counters();
    const loss = { events, seen: seen - this.#reported.seen, ...since };
    this.#reported = { seen, losses };
    if (events <= threshold * loss.seen) return;
    this.#reportedAt = now();
    this.#options.onLoss(loss);
  }
}
