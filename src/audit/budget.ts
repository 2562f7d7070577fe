import { deadline } from "./deadline.ts";

/** What one examination may cost. */
export interface Budget {
  /** Aborted when it is spent. */
  readonly signal: AbortSignal;
  /** The peer has answered: a server that is slow, but answers, is not given up. */
  progress(): void;
  /** Releases timers. */
  end(): void;
}

/** Milliseconds: without any answer, and in all. */
export interface BudgetLimits {
  readonly stallMs: number;
  readonly totalMs: number;
}

/**
 * Goes by work done, not by the wall clock alone: it is spent when nothing was answered for
 * `stallMs`, or after `totalMs`, or when `parent` is aborted.
 */
export function budget({ stallMs, totalMs }: BudgetLimits, parent: AbortSignal): Budget {
  const total = deadline(totalMs, parent);
  const stall = deadline(stallMs, total.signal);
  return {
    signal: stall.signal,
    progress: () => stall.restart(stallMs),
    end() {
      stall.end();
      total.end();
    },
  };
}
