/** Why a record of the kernel did not reach us. */
export const LOSS_REASONS = [
  "ringFull",
  "overShare",
  "scratchBusy",
  "skipped",
  "gone",
  "unread",
] as const;

/**
 * Records that were lost, by reason. `ringFull`: the ring, or the socket's buffer, had no room;
 * `overShare`: the ring was half full, and their control group had used up its share of the rest;
 * `scratchBusy`: an interrupt met the CPU's scratch in use;
 * `skipped`: the kernel left the probe out, since it was not done yet with another task on that
 * processor; `gone`: processes that had ended before they could be looked at (without eBPF);
 * `unread`: still in the ring when the time was up that a source has at its end.
 */
export type LossCounts = Readonly<Record<(typeof LOSS_REASONS)[number], number>>;

/** Records that a control group lost in the rings. */
export interface CgroupLoss {
  readonly id: number;
  readonly isV1: boolean;
  readonly lost: number;
}

/** The same since the start, and all reasons together by CPU where that is known. */
export interface Losses extends LossCounts {
  readonly byCpu: readonly number[];
  /**
   * `ringFull` and `overShare` by control group, those that lost most first; a few seconds old. At
   * most 1024: those that lost nothing for longest are forgotten.
   */
  readonly byCgroup: readonly CgroupLoss[];
}

/** Losses of a source that has lost nothing. */
export const NO_LOSSES: Losses = {
  ringFull: 0,
  overShare: 0,
  scratchBusy: 0,
  skipped: 0,
  gone: 0,
  unread: 0,
  byCpu: [],
  byCgroup: [],
};

/**
 * Why a record that was sent is not whole: a text longer than its limit, a path deeper than is
 * walked, more than fits into a record.
 */
export const CUT_REASONS = ["text", "path", "record"] as const;

/** Records that were cut, by reason. */
export type CutCounts = Readonly<Record<(typeof CUT_REASONS)[number], number>>;

/** Cuts of a source that has cut nothing. */
export const NO_CUTS: CutCounts = { text: 0, path: 0, record: 0 };

/** All records of these losses. */
export function lostRecords(losses: LossCounts): number {
  return LOSS_REASONS.reduce((sum, reason) => sum + losses[reason], 0);
}

/** What was lost between two looks. */
export function lossesSince(now: LossCounts, before: LossCounts): LossCounts {
  return Object.fromEntries(
    LOSS_REASONS.map((reason) => [reason, now[reason] - before[reason]]),
  ) as LossCounts;
}
