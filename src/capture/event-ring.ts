import { Event } from "../events/event.ts";

export interface EventRingOptions {
  /** The most bytes kept; the oldest go first. */
  readonly bytes: number;
  /** Events older than this against the newest go, in milliseconds. */
  readonly keepMs: number;
}

/** Bytes of a chunk: the smallest piece of the past that is given up at once. */
const CHUNK = 256 * 1024;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used: number;
  events: number;
  last: bigint;
}

/** The events of the last seconds, in memory. Hot: keeping one is a copy of its bytes. */
export class EventRing {
  readonly #options: EventRingOptions;
  readonly #chunks: Chunk[] = [];
  #isCut = false;

  constructor(options: EventRingOptions) {
    this.#options = options;
  }

  /** True when memory ran out before the time did, since the ring was last drained. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get size(): number {
    return this.#chunks.reduce((sum, { events }) => sum + events, 0);
  }

  /** Keeps a copy of the event without its context. */
  keep(event: Event): void {
    const scap = event.scapBytes;
    const chunk = this.#chunkFor(scap.length);
    chunk.view.setUint32(chunk.used, scap.length, true);
    chunk.bytes.set(scap, chunk.used + LENGTH);
    chunk.used += LENGTH + scap.length;
    chunk.events += 1;
    if (chunk.events % STAMP_EVERY === 1) chunk.last = event.timestamp;
  }

  /**
   * Hands over all events that are not too old, the oldest first, and forgets them. An event lives
   * until the callback returns.
   */
  drain(onEvent: (event: Event) => void): void {
    const newest = this.#chunks.at(-1)?.last ?? 0n;
    const oldest = newest - BigInt(this.#options.keepMs) * 1_000_000n;
    const event = new Event();
    for (const { bytes, view, used } of this.#chunks) {
      for (let at = 0; at < used;) {
        const length = view.getUint32(at, true);
        if (event.load(bytes, view, at + LENGTH, length, false) && event.timestamp >= oldest)
          onEvent(event);
        at += LENGTH + length;
      }
    }
    this.#chunks.length = 0;
    this.#isCut = false;
  }

  #chunkFor(length: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.used + LENGTH + length <= last.bytes.length) return last;
    const fresh = this.#recycled(Math.max(CHUNK, LENGTH + length), last?.last ?? 0n);
    this.#chunks.push(fresh);
    return fresh;
  }

  /**
   * A chunk whose events are too old, or the oldest where there is no more room; else a new one.
   */
  #recycled(size: number, newest: bigint): Chunk {
    const total = this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [oldest] = this.#chunks;
    const isOld =
      oldest !== undefined && oldest.last < newest - BigInt(this.#options.keepMs) * 1_000_000n;
    if (oldest !== undefined && (isOld || total + size > this.#options.bytes)) {
      if (!isOld) this.#isCut = true;
      this.#chunks.shift();
      if (oldest.bytes.length >= size && oldest.bytes.length === CHUNK)
        return { bytes: oldest.bytes, view: oldest.view, used: 0, events: 0, last: newest };
    }
    const bytes = new Uint8Array(size);
    return { bytes, view: new DataView(bytes.buffer), used: 0, events: 0, last: newest };
  }
}

/** Bytes of the length that stands before each event. */
const LENGTH = 4;

/** One event in so many tells a chunk's time. */
const STAMP_EVERY = 64;
