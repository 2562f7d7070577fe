import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import type { OutboxPage, OutboxPlace, OutboxRange } from "../store/outbox.ts";
import type { OutboxReader } from "../store/outbox-news.ts";
import type { ToThread } from "./messages.ts";

/** Who reads, as the thread that news come from knows it. */
interface OpenReader {
  /** How far the other side has answered; undefined while that is not to be written. */
  readonly place: () => OutboxPlace | undefined;
  /** So many news were removed before they were sent on. */
  readonly onLost: (count: number) => void;
}

/** What a reader may ask. */
export interface ReaderDoor {
  /** Whether news of this number, the last that were published, will be kept. */
  keeps(sequence: number): boolean;
  /** Undefined when there is nothing that keeps news, or no answer within half a minute. */
  read(range: OutboxRange): Promise<OutboxPage | undefined>;
  /** Has its place written. */
  close(): void;
}

/** How the readers reach the store. */
export interface OutboxReadersOptions {
  /** False when there is no thread to hear it. */
  readonly post: (message: ToThread) => boolean;
  /** Has news that wait for more handed over. */
  readonly flush: () => void;
  /** Of the last news that the store took. */
  readonly lastTaken: () => number;
}

/** Those who send on what the store keeps: their questions, and once a second their places. */
export class OutboxReaders {
  readonly #options: OutboxReadersOptions;
  readonly #open = new Map<string, OpenReader>();
  readonly #asked = new Map<number, (page: OutboxPage | undefined) => void>();
  readonly #written = new Map<string, string>();
  #lastId = 0;
  #writes: SharedInterval | undefined;
  #onClosed: (() => void) | undefined;

  constructor(options: OutboxReadersOptions) {
    this.#options = options;
  }

  open(reader: OutboxReader, around: OpenReader): ReaderDoor {
    const { output } = reader;
    this.#open.set(output, around);
    this.#writes ??= sharedInterval(() => this.#write(), WRITE_MS);
    return {
      keeps: (sequence) => this.#options.lastTaken() === sequence,
      read: (range) => this.#read(reader, range),
      close: () => {
        this.#write();
        this.#open.delete(output);
        if (this.#open.size === 0) this.#end();
      },
    };
  }

  answered(id: number, page: OutboxPage | undefined): void {
    this.#asked.get(id)?.(page);
  }

  lost(counts: ReadonlyMap<string, number>): void {
    for (const [output, count] of counts) this.#open.get(output)?.onLost(count);
  }

  /** The thread has ended: what was asked has no answer, and places are to be written again. */
  forget(): void {
    this.#written.clear();
    for (const answer of this.#asked.values()) answer(undefined);
  }

  /** Resolves when all are closed. */
  async closed(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => (this.#onClosed = resolve));
  }

  #end(): void {
    this.#writes?.close();
    this.#writes = undefined;
    this.#onClosed?.();
  }

  #read(reader: OutboxReader, range: OutboxRange): Promise<OutboxPage | undefined> {
    this.#options.flush();
    const id = (this.#lastId += 1);
    const { promise, resolve } = Promise.withResolvers<OutboxPage | undefined>();
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS).unref();
    this.#asked.set(id, resolve);
    if (!this.#options.post({ kind: "outbox-read", id, reader, range })) resolve(undefined);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#asked.delete(id);
    });
  }

  #write(): void {
    const places = new Map<string, OutboxPlace>();
    for (const [output, { place }] of this.#open) {
      const now = place();
      if (now === undefined) continue;
      const text = JSON.stringify(now);
      if (this.#written.get(output) === text) continue;
      this.#written.set(output, text);
      places.set(output, now);
    }
    if (places.size > 0) this.#options.post({ kind: "outbox-move", places });
  }
}

const WRITE_MS = 1000;
const PATIENCE_MS = 30_000;
