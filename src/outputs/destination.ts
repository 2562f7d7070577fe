import type { News } from "../news/news.ts";
import { PRIORITIES } from "../rules/priority.ts";
import type { Rate } from "./digest.ts";
import type { OutboxReader } from "./outbox.ts";

/**
 * What distinguishes one output from another: which news it wants, as what text, and how a batch
 * of it is brought there. All else (queue, retries, time-outs, counts) is `Delivery`'s.
 */
export interface Destination {
  /** The configuration's section, or the report's file. */
  readonly name: string;
  /** Where it goes, in words for the user. */
  readonly target: string;
  /** The server that has to listen, where there is one that can be connected to. */
  readonly endpoint?: Endpoint | undefined;
  /** Has what it has not sent kept for it; left out where what is lost can be seen on this host. */
  readonly outbox?: OutboxWish | undefined;
  /** What is beyond is told in digests, each formatted as an alert; left out for no limit. */
  readonly limit?: Rate | undefined;
  /** The most of one `deliver`. */
  readonly batch: { readonly lines: number; readonly bytes: number };
  /** The line for a piece of news, without its end; undefined when it is not for this output. */
  format(news: News): string | undefined;
  /** Says at the start why nothing can be delivered; undefined when it can. */
  check?(): Promise<string | undefined>;
  /** The same for who only asks: makes no file and no folder. `check` where that makes none. */
  look?(): Promise<string | undefined>;
  /**
   * Brings lines there, in order, and waits for a side that is busy. Throws like an answer of none
   * delivered with the error's message. `signal` aborts when it took too long: the promise then has
   * to settle soon, unless what was begun cannot be taken back.
   */
  deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer>;
  /** The next `deliver` opens anew. */
  reopen?(): void;
  close(): Promise<void>;
}

/** What of the news is to be kept until the other side has it. */
export interface OutboxWish extends Pick<OutboxReader, "kinds" | "priority"> {
  /** Where it goes, secrets included: what is kept is another's when this is another. */
  readonly place: string;
}

/** All alerts, whatever their priority. */
export function everyAlert(place: string): OutboxWish {
  return { place, kinds: ["alert"], priority: PRIORITIES.length };
}

/** A server's name or address, and its TCP port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * What the other side made of a batch. From its start, `delivered` lines, then `duplicates`, then
 * `refused` ones are settled; the rest is tried again.
 */
export interface Answer {
  readonly delivered: number;
  /** Not written because they stand there already. */
  readonly duplicates?: number;
  /** Will never be taken. */
  readonly refused?: number;
  /** What the other side answered to what was delivered, such as `200`. */
  readonly said?: string;
  /** Why lines were refused or have to wait. */
  readonly reason?: string;
  /** How long the other side asks not to be tried again, in milliseconds. */
  readonly waitMs?: number;
  /** The other side has gone for good: whatever comes is dropped. */
  readonly isGone?: true;
}

/** Less was taken than offered, and not because one of them was refused. */
export function isFailure(answer: Answer, offered: number): boolean {
  const { refused = 0, reason } = answer;
  const settled = settledOf(answer);
  if (settled >= offered || refused > 0) return false;
  return settled === 0 || reason !== undefined;
}

/** So many lines need not be tried again. */
export function settledOf({ delivered, duplicates = 0, refused = 0 }: Answer): number {
  return delivered + duplicates + refused;
}
