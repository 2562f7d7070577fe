import type { ProcessTable } from "../state/process-table.ts";

/** The processes that are looked at again after losses; `now` in milliseconds. */
export interface ProcessRefreshOptions {
  readonly table: Pick<ProcessTable, "markStale" | "refresh" | "allowFinding" | "stale">;
  /** In milliseconds, from any beginning. */
  readonly now: () => number;
}

/**
 * Looks at processes again after losses, a few milliseconds at a time: under the very load that
 * lost them. While events go on being lost all are looked at ever more seldom, up to every
 * MAX_PAUSE_MS.
 */
export class ProcessRefresh {
  readonly #options: ProcessRefreshOptions;
  #hasLost = false;
  #lostAt = Number.NEGATIVE_INFINITY;
  #pauseMs = MIN_PAUSE_MS;
  #markAt = Number.NEGATIVE_INFINITY;
  #findAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProcessRefreshOptions) {
    this.#options = options;
  }

  /** Events were lost since the last call. */
  lost(): void {
    this.#hasLost = true;
    this.#lostAt = this.#options.now();
  }

  /**
   * To be called a few times a second while records come, and TICK_MS after it has returned true: there is more to look
   * at. Takes SLICE_MS and one look more at most.
   */
  tick(): boolean {
    const { table, now } = this.#options;
    const start = now();
    if (start >= this.#findAt) {
      table.allowFinding();
      this.#findAt = start + FINDING_MS;
    }
    if (start - this.#lostAt > 2 * this.#pauseMs) this.#pauseMs = MIN_PAUSE_MS;
    if (this.#hasLost && start >= this.#markAt) this.#mark(start);
    while (table.stale > 0 && now() - start < SLICE_MS) table.refresh(1);
    return table.stale > 0 || this.#hasLost;
  }

  #mark(start: number): void {
    this.#options.table.markStale();
    this.#hasLost = false;
    this.#markAt = start + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
  }
}

/** Between two ticks while there is more to look at. */
export const TICK_MS = 50;
/** Processes that may be found as they act, in FINDING_MS: some 150 µs each. */
export const FINDINGS = 100;
/** Less than between two ticks at rest, of which one may come early. */
const FINDING_MS = 200;
const SLICE_MS = 3;
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 32_000;
