import type { News } from "../news/news.ts";

/**
 * A subscriber of the news that brings some of it somewhere: a file, a program, a socket. Nothing
 * that it does blocks the caller or throws: what fails is reported through its context and counted.
 */
export interface Output {
  /** The configuration's section (`file_output`), or the report's file. */
  readonly name: string;
  /** Where it goes, in words for the user: a path, a command. */
  readonly target: string;
  /** Queues what of it is for this output; the rest is left. Returns at once. */
  take(news: News): void;
  /** Opens files and programs anew before the next line (Falco's SIGUSR1). */
  reopen(): void;
  counts(): OutputCounts;
  /**
   * Delivers what waits and ends, within `limitMs` (2 s by default). What was not delivered by then
   * is counted as `dropped` with the reason; `waiting` is afterwards what is kept for the next start.
   */
  close(limitMs?: number): Promise<OutputCounts>;
}

/** What became of the lines of one output since it was opened, in lines. */
export interface OutputCounts {
  readonly delivered: number;
  readonly waiting: number;
  /** Left out because another output, or who is read from, has them in the same file. */
  readonly duplicates: number;
  /** Told in digests, being over the output's own limit. */
  readonly digested: number;
  /** Refused by the other side for good, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Given up by us, by reason: a full queue, the end. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** How many lines of an output were lost: refused and dropped. */
export function linesLost({ refused, dropped }: OutputCounts): number {
  return [...Object.values(refused), ...Object.values(dropped)].reduce(
    (sum, count) => sum + count,
    0,
  );
}
