import type { Losses, ProbeCounters } from "../capture/probe.ts";

/** What was lost since it was told last. */
export interface Loss {
  readonly events: number;
  /** Calls that were seen meanwhile, those included. */
  readonly seen: number;
  readonly ringFull: number;
  readonly scratchBusy: number;
  readonly gone: number;
}

/** All records of these losses. */
export function lostRecords({ ringFull, scratchBusy, gone }: Omit<Losses, "byCpu">): number {
  return ringFull + scratchBusy + gone;
}

export interface DropWatchOptions {
  readonly counters: () => ProbeCounters;
  readonly losses: () => Losses;
  /** At once, whatever the threshold. */
  readonly onLost: () => void;
  readonly onTold: (loss: Loss) => void;
  /** Share of the events from which on it is told. */
  readonly threshold: number;
  /** Times a second that it is told at most. */
  readonly rate: number;
  readonly now: () => number;
}

/** Looks at the probe's losses and tells of them, once an interval: what was lost in between is in the next one. */
export class DropWatch {
  readonly #options: DropWatchOptions;
  #known: number;
  #told: Omit<Loss, "events">;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: DropWatchOptions) {
    this.#options = options;
    const { ringFull, scratchBusy, gone } = options.losses();
    this.#known = lostRecords({ ringFull, scratchBusy, gone });
    this.#told = { seen: options.counters().seen, ringFull, scratchBusy, gone };
  }

  /** To be called a few times a second. */
  check(): void {
    const { ringFull, scratchBusy, gone } = this.#options.losses();
    const lost = lostRecords({ ringFull, scratchBusy, gone });
    if (lost > this.#known) this.#options.onLost();
    this.#known = lost;
    const { threshold, rate, now } = this.#options;
    const since = { ringFull: ringFull - this.#told.ringFull, scratchBusy: scratchBusy - this.#told.scratchBusy, gone: gone - this.#told.gone };
    const events = lostRecords(since);
    if (events === 0 || now() - this.#toldAt < 1000 / rate) return;
    const { seen } = this.#options.counters();
    const loss = { events, seen: seen - this.#told.seen, ...since };
    this.#told = { seen, ringFull, scratchBusy, gone };
    if (events <= threshold * loss.seen) return;
    this.#toldAt = now();
    this.#options.onTold(loss);
  }
}
