import type { News } from "../news/news.ts";

/** What keeps news until outputs have sent them, over the end of the process. */
export interface Outbox {
  /** An output that was never there begins with what is published from now on. */
  openReader(reader: OutboxReader, around: AroundReader): OutboxDoor;
}

/** Which news an output sends. */
export interface OutboxReader {
  /** Its name and where it goes, the same over restarts; no secrets. */
  readonly output: string;
  readonly kinds: readonly ("alert" | "audit" | "port-opened" | "port-closed")[];
  /** Of alerts: the least urgent (0 for the most urgent). */
  readonly priority: number;
}

/** What an output tells of itself. */
export interface AroundReader {
  /** How far the other side has answered; undefined while that is not to be written. */
  readonly place: () => OutboxPlace | undefined;
  /** So many news that were not answered were removed. */
  readonly onLost: (count: number) => void;
}

/** Between two pieces of news: behind one that was read, or behind a number of this watch. */
export type OutboxPlace = { readonly id: number } | { readonly sequence: number };

/** An output's way to what is kept for it. */
export interface OutboxDoor {
  /** Whether the news of this number, the last that were published, will be kept. */
  keeps(sequence: number): boolean;
  /**
   * News behind a place, or behind all that was answered; of this watch those up to a number; at most `limit`. Undefined
   * when nothing is kept, or there is no answer.
   */
  read(range: {
    readonly after: OutboxPlace | undefined;
    readonly through: number;
    readonly limit: number;
  }): Promise<OutboxPage | undefined>;
  /** Has its place written. */
  close(): void;
}

/** News in their order. */
interface OutboxPage {
  readonly news: readonly { readonly id: number; readonly news: News }[];
  /** There is nothing further in the range. */
  readonly isEnd: boolean;
  /** How many of earlier watches were left, where it was asked for all. */
  readonly waiting: number;
}
