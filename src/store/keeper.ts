import { setImmediate as turnOfOthers, setTimeout as pause } from "node:timers/promises";
import { BoundedQueue } from "../lib/bounded-queue.ts";
import { messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { removeUnusedSeries, Retention, type RetentionLimits } from "./retention.ts";
import { type Fault, faultOf } from "./store-fault.ts";
import type { Store } from "./store.ts";

/** How a store is filled and emptied, and who hears of it. */
export interface KeeperOptions {
  readonly store: Store;
  readonly retention: RetentionLimits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** So many pieces of news are committed, or given up. */
  readonly onDone: (count: number) => void;
  readonly onProblem: (text: string) => void;
  readonly onNote: (text: string) => void;
  /** Retention has removed something. */
  readonly onRemoved?: () => void;
  /** The store is damaged: it is to be opened anew. */
  readonly onCorrupt: () => Promise<void>;
}

/** Who waits until so many pieces of news are settled. */
interface Waiter {
  readonly number: number;
  readonly resolve: (isSettled: boolean) => void;
}

/** What became of the news. */
export interface KeeperCounts {
  readonly waiting: number;
  /** Not kept, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Alerts that retention removed. */
  readonly removed: number;
  /** What is wrong now. */
  readonly problem: string | undefined;
}

/**
 * Fills a store in batches, one after another, and removes what is old between them. What cannot be
 * written now waits and is tried again; the queue is bounded, and what does not fit is counted.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #retention: Retention;
  readonly #queue = new BoundedQueue<News>(CAPACITY);
  readonly #dropped: Record<string, number> = {};
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #isRunning = false;
  #removed = 0;
  #taken = 0;
  #settled = 0;
  readonly #waiters = new Set<Waiter>();
  #problem: string | undefined;
  #sinceRetention = RETENTION_ROWS;
  #slices = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#retention = new Retention(options.retention);
    this.#timer = setInterval(() => {
      this.#sinceRetention = RETENTION_ROWS;
      this.#start();
    }, RETENTION_MS).unref();
    this.#start();
  }

  counts(): KeeperCounts {
    const { dropped: full } = this.#queue;
    const { unreadable } = this.#options.store;
    return {
      waiting: this.#queue.length,
      dropped: {
        ...this.#dropped,
        ...(full > 0 ? { "the queue is full": full } : {}),
        ...(unreadable > 0 ? { "cannot be written": unreadable } : {}),
      },
      removed: this.#removed,
      problem: this.#problem,
    };
  }

  /** False when there is no room: it is counted. */
  take(news: News): boolean {
    const isTaken = !this.#closing.signal.aborted && this.#queue.push(news);
    if (isTaken) this.#taken += 1;
    this.#start();
    return isTaken;
  }

  /** True once all that was taken by now is committed or given up; false when that takes longer. */
  async settled(limitMs: number): Promise<boolean> {
    const number = this.#taken;
    if (this.#settled >= number) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { number, resolve };
    const timer = setTimeout(() => resolve(false), limitMs);
    this.#waiters.add(waiter);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    });
  }

  /**
   * Takes all of these, or none: false when there is no room. That is not counted, for whoever
   * brought them is told, and would have what was taken twice when bringing all again.
   */
  takeAll(news: readonly News[]): boolean {
    if (news.length > this.#queue.capacity - this.#queue.length) return false;
    return news.every((piece) => this.take(piece));
  }

  /** Writes what waits, as far as it can be written, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#start();
    await this.#running;
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const batch = this.#nextBatch();
      if (batch.length > 0) await this.#write(batch);
      if (batch.length > 0) this.#done(batch.length);
      // SQLite answers at once: who asks the page would wait until nothing is left to write.
      await turnOfOthers();
      const isDue = this.#sinceRetention >= RETENTION_ROWS && !this.#closing.signal.aborted;
      if (isDue) await this.#retain();
      else if (this.#queue.length === 0) break;
    }
    this.#isRunning = false;
  }

  #done(count: number): void {
    this.#settled += count;
    for (const { number, resolve } of this.#waiters) if (this.#settled >= number) resolve(true);
    this.#options.onDone(count);
  }

  #nextBatch(): News[] {
    const batch: News[] = [];
    while (batch.length < BATCH_ROWS) {
      const news = this.#queue.shift();
      if (news === undefined) break;
      batch.push(news);
    }
    return batch;
  }

  /** Until it is written, or cannot be. */
  async #write(batch: readonly News[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#options.store.append(batch);
        this.#sinceRetention += batch.length;
        this.#recovered();
        return;
      } catch (thrown) {
        const fault = faultOf(thrown);
        this.#failed(fault, thrown);
        const isLast = fault === "other" && attempt >= ATTEMPTS_MAX;
        if (isLast || this.#closing.signal.aborted) return this.#drop(fault, batch.length);
        await this.#repair(fault);
      }
    }
  }

  async #repair(fault: Fault): Promise<void> {
    const { store, onCorrupt } = this.#options;
    try {
      if (fault === "corrupt") return await onCorrupt();
      if (fault === "full") {
        await store.backend.relieve();
        let removed = 0;
        for (let slice = 0; slice < SLICES_FOR_ROOM; slice += 1)
          removed += await this.#retention.removeNow(store.backend);
        this.#removed += removed;
        this.#options.onRemoved?.();
        await store.backend.setAside();
        if (removed > 0) return;
      }
    } catch (thrown) {
      this.#failed(faultOf(thrown), thrown);
    }
    await pause(AGAIN_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** One slice: what is written next has its turn before the next one. */
  async #retain(): Promise<void> {
    const { store, now } = this.#options;
    try {
      const { removed, isMore } = await this.#retention.removeOldest(store.backend, now());
      this.#removed += removed;
      this.#sinceRetention = isMore ? RETENTION_ROWS : 0;
      this.#slices += removed > 0 ? 1 : 0;
      if (removed > 0) this.#options.onRemoved?.();
      if (this.#slices < SLICES_PER_SWEEP || isMore) return;
      this.#slices = 0;
      await removeUnusedSeries(store.backend);
      store.forgetSeries();
    } catch (thrown) {
      this.#sinceRetention = 0;
      this.#failed(faultOf(thrown), thrown);
    }
  }

  #drop(fault: Fault, count: number): void {
    const reason = DROP_REASONS[fault];
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
  }

  /** Said when it begins. */
  #failed(fault: Fault, thrown: unknown): void {
    const text = `${DROP_REASONS[fault]}: ${messageOf(thrown)}`;
    if (this.#problem === text) return;
    this.#problem = text;
    this.#options.onProblem(`Cannot keep news in ${this.#options.store.backend.place}: ${text}`);
  }

  #recovered(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#options.onNote(`News are kept again in ${this.#options.store.backend.place}`);
  }
}

const DROP_REASONS: Readonly<Record<Fault, string>> = {
  corrupt: "the store is damaged",
  full: "the disk is full",
  locked: "another program holds the store",
  "read-only": "the store cannot be written",
  unreachable: "the database cannot be reached",
  other: "the database refuses",
};

const CAPACITY = 20_000;
/** Rows of one transaction. */
const BATCH_ROWS = 500;
const ATTEMPTS_MAX = 3;
const AGAIN_MS = 1000;
/** What is old is looked for after so many rows, and at times. */
const RETENTION_ROWS = 5000;
const RETENTION_MS = 60_000;
const SLICES_PER_SWEEP = 100;
/** Slices that go at once where the disk is full: four batches have room then. */
const SLICES_FOR_ROOM = 4;
