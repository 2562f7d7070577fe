import type { News } from "../news/news.ts";
import { LineQueue, type LineSubject, type QueueLimits } from "./line-queue.ts";
import { NEWS_WORDS, newsAlert } from "./news-alert.ts";
import type { OutboxDoor, OutboxPlace } from "./outbox.ts";

/** How much waits in memory, how news become lines, and who hears of losses. */
export interface DeliveryQueueOptions {
  readonly limits: QueueLimits;
  /** Undefined: it is not for this output. */
  readonly format: (news: News) => string | undefined;
  readonly onDropped: (reason: string, count: number) => void;
}

/** News that stand in the store alone. */
interface Gap {
  /** Undefined: behind all that was answered. */
  after: OutboxPlace | undefined;
  /** The last number of this watch. */
  through: number;
}

/**
 * The lines of one output in their order. Without an outbox those in memory, and over the limits some
 * go. With one, what has no room is left to the store, and read from there when there is: then the
 * lines are the head in memory, the gap that stands in the store, and the tail of those behind it.
 */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #head: LineQueue;
  readonly #tail: LineQueue;
  #door: OutboxDoor | undefined;
  #gap: Gap | undefined;
  /** What comes now goes to the tail: all before it is in the gap. */
  #isJoining = false;
  /** Lines in the gap, as far as is known. */
  #inGap = 0;
  /** Lines that were settled since the place was last written. */
  #unwritten = 0;
  /** Of those and of the lines in memory, so many the store has no more. */
  #spared = 0;
  /** Of the last news that were published. */
  #seen = 0;
  #answered: OutboxPlace | undefined;
  /** Where the place stays for the time being. */
  #held: { readonly at: OutboxPlace | undefined } | undefined;
  #isOver = false;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
    const { lines, bytes } = options.limits;
    this.#head = new LineQueue(options.limits);
    // Beside it the head is a page of the store's.
    this.#tail = new LineQueue({ lines: Math.ceil(lines / 2), bytes: Math.ceil(bytes / 2) });
  }

  /** From here on what has no room is left to the store; first comes what is there from before. */
  use(door: OutboxDoor): void {
    this.#door = door;
    this.#gap = { after: undefined, through: this.#seen };
    this.#isJoining = true;
  }

  /** Lines that wait, in memory and in the store. */
  get length(): number {
    return this.#head.length + this.#inGap + this.#tail.length;
  }

  /** Whether what has no room is kept. */
  get isKept(): boolean {
    return this.#door !== undefined;
  }

  /** How far the other side has answered; undefined where that is not to be written. */
  get answered(): OutboxPlace | undefined {
    if (this.#door === undefined) return undefined;
    if (this.#held !== undefined) return this.#held.at;
    const isEmpty = this.#head.length === 0 && this.#gap === undefined && !this.#isOver;
    return isEmpty && this.#seen > 0 ? { sequence: this.#seen } : this.#answered;
  }

  /** The place, which is now to be written. */
  write(): OutboxPlace | undefined {
    if (this.#held !== undefined) return this.answered;
    this.#spared = Math.max(0, this.#spared - this.#unwritten);
    this.#unwritten = 0;
    return this.answered;
  }

  /** What is settled from here on is not answered before `release`. */
  hold(): void {
    this.#held ??= { at: this.answered };
  }

  release(): void {
    this.#held = undefined;
  }

  /** News of this number were published, for this output or not. */
  see(sequence: number): void {
    this.#seen = sequence;
  }

  /** Adds the line of the news that were seen last. */
  push(line: string, subject: LineSubject): void {
    const sequence = this.#seen;
    if (this.#door?.keeps(sequence) !== true) return this.#pushUnkept(line, subject);
    const place = { sequence };
    const bytes = Buffer.byteLength(line);
    if (this.#gap === undefined) {
      if (this.#head.fits(bytes)) return void this.#head.push(line, subject, place);
      this.#gap = { after: { sequence: sequence - 1 }, through: sequence };
      this.#isJoining = false;
    }
    if (this.#isJoining && this.#tail.fits(bytes))
      return void this.#tail.push(line, subject, place);
    this.#leave(this.#gap, sequence);
  }

  /** The oldest lines that are not settled, up to the limits and at least one; none when empty. */
  take(limits: QueueLimits): readonly string[] {
    return this.#head.take(limits);
  }

  /** What the taken lines are about. */
  get subjects(): readonly LineSubject[] {
    return this.#head.subjects;
  }

  /** The first `count` of the taken lines are done with. */
  settle(count: number): void {
    this.#answered = this.#head.settle(count) ?? this.#answered;
    this.#unwritten += count;
  }

  /**
   * Where memory has nothing left, reads from the store what comes next. False when that has to be
   * tried again later.
   */
  async refill(): Promise<boolean> {
    while (this.#gap !== undefined && this.#head.length === 0 && !this.#isOver)
      if (!(await this.#read(this.#gap))) return false;
    return true;
  }

  /** So many behind the place were removed from the store: not lost are the first, sent or in memory. */
  lose(count: number): void {
    const held = this.#unwritten + this.#head.length - this.#spared;
    const spared = Math.min(count, Math.max(0, held));
    this.#spared += spared;
    const lost = count - spared;
    this.#inGap = Math.max(0, this.#inGap - lost);
    if (lost > 0) this.#options.onDropped(REMOVED, lost);
  }

  /** Forgets all: `kept` lines are the store's, `lost` ones are nowhere. */
  end(): { readonly kept: number; readonly lost: number } {
    const isKept = this.isKept;
    this.#answered = this.answered;
    this.#isOver = true;
    const { kept, unkept } = this.#clear();
    const inGap = this.#inGap;
    this.#inGap = 0;
    return isKept ? { kept: kept + inGap, lost: unkept } : { kept: 0, lost: kept + unkept };
  }

  #clear(): { kept: number; unkept: number } {
    const [head, tail] = [this.#head.clear(), this.#tail.clear()];
    return { kept: head.kept + tail.kept, unkept: head.unkept + tail.unkept };
  }

  /** What the store does not take has memory alone. */
  #pushUnkept(line: string, subject: LineSubject): void {
    const queue = this.#gap === undefined ? this.#head : this.#tail;
    if (this.#gap !== undefined && !this.#isJoining) return this.#options.onDropped(UNKEPT, 1);
    const dropped = queue.push(line, subject);
    if (dropped > 0) this.#options.onDropped(FULL, dropped);
  }

  /** The tail's lines, too, are then behind others that are in the store alone. */
  #leave(gap: Gap, sequence: number): void {
    const { kept, unkept } = this.#tail.clear();
    if (unkept > 0) this.#options.onDropped(UNKEPT, unkept);
    this.#inGap += kept + 1;
    this.#isJoining = false;
    gap.through = sequence;
  }

  /** A page. False when there is nothing yet. */
  async #read(gap: Gap): Promise<boolean> {
    this.#isJoining = true;
    const { after, through } = gap;
    const limit = Math.ceil(this.#options.limits.lines / 2);
    const page = await this.#door?.read({ after, through, limit });
    if (this.#isOver) return false;
    if (page === undefined) return this.#goOnAlone();
    this.#inGap += page.waiting;
    let taken = 0;
    for (const { id, news } of page.news) {
      if (!this.#pushRead(news, { id })) break;
      taken += 1;
      gap.after = { id };
    }
    this.#inGap = Math.max(0, this.#inGap - taken);
    const isWhole = taken === page.news.length && page.isEnd && gap.through === through;
    if (isWhole) this.#closeGap();
    return isWhole || taken > 0;
  }

  /** False when there is no room. */
  #pushRead(news: News, place: OutboxPlace): boolean {
    const line = this.#options.format(news);
    if (line === undefined) {
      if (this.#head.length === 0) this.#answered = place;
      return true;
    }
    const { lines, bytes } = this.#options.limits;
    const isFull =
      2 * this.#head.length >= lines || 2 * (this.#head.bytes + Buffer.byteLength(line)) > bytes;
    if (isFull && this.#head.length > 0) return false;
    const dropped = this.#head.push(line, subjectOf(news), place);
    if (dropped > 0) this.#options.onDropped(FULL, dropped);
    return true;
  }

  #closeGap(): void {
    if (this.#inGap > 0) this.#options.onDropped(MISSING, this.#inGap);
    this.#inGap = 0;
    this.#gap = undefined;
    this.#isJoining = false;
    this.#head.append(this.#tail);
  }

  /** Without a store, or one that does not answer: what it has comes with the next start. */
  #goOnAlone(): true {
    this.#door = undefined;
    this.#inGap = 0;
    this.#closeGap();
    return true;
  }
}

/** Whose news it is, as far as it says: a container's, or anybody's; and what a digest says of it. */
export function subjectOf(news: News): LineSubject {
  const alert = newsAlert(news, NEWS_WORDS);
  if (alert === undefined) return { source: "" };
  const { rule, priority, hostname, outputFields } = alert;
  const source = news.kind === "alert" ? String(outputFields["container.id"] ?? "") : "";
  return { source, alert: { rule, priority, hostname } };
}

const FULL = "the queue was full";
const REMOVED = "the store removed them before they were sent";
const UNKEPT = "the queue was full, and the store did not take them";
const MISSING = "the store does not have them";
