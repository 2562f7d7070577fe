import type { Event } from "../events/event.ts";
import { KEPT_HEAD, type KeptEvents } from "./kept-events.ts";

/** How much of the past is kept. */
export interface EventRingOptions {
  /** The most bytes kept; the oldest go first. */
  readonly bytes: number;
  /** Events older than this against the newest go, in milliseconds; undefined: none for its age. */
  readonly keepMs?: number;
}

/** Bytes of a chunk: the smallest piece of the past that is given up at once. */
const CHUNK = 256 * 1024;

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
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

  /** Bytes of the events that are kept. */
  get bytes(): number {
    return this.#chunks.reduce((sum, { used }) => sum + used, 0);
  }

  /** Keeps a copy of the event without its context. */
  keep(event: Event): void {
    const scap = event.scapBytes;
    const chunk = this.#chunkFor(scap.length);
    chunk.view.setUint32(chunk.used, scap.length, true);
    chunk.view.setUint16(chunk.used + 4, Math.max(0, event.cpu), true);
    chunk.bytes.set(scap, chunk.used + KEPT_HEAD);
    chunk.used += KEPT_HEAD + scap.length;
    chunk.events += 1;
    if (chunk.events % STAMP_EVERY === 1) chunk.last = event.timestamp;
  }

  /** Gives away all events that are not too old, the oldest first, and forgets them. */
  take(): KeptEvents {
    const oldest = this.#oldest(this.#chunks.at(-1)?.last ?? 0n);
    const kept = { pieces: this.#chunks.splice(0), oldest, isCut: this.#isCut };
    this.#isCut = false;
    return { ...kept, pieces: kept.pieces.map(({ bytes, used }) => ({ bytes, used })) };
  }

  /** What is older than this is too old, seen from `newest`; epoch nanoseconds. */
  #oldest(newest: bigint): bigint {
    const { keepMs } = this.#options;
    return keepMs === undefined ? 0n : newest - BigInt(keepMs) * 1_000_000n;
  }

  #chunkFor(length: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.used + KEPT_HEAD + length <= last.bytes.length) return last;
    const fresh = this.#recycled(Math.max(CHUNK, KEPT_HEAD + length), last?.last ?? 0n);
    this.#chunks.push(fresh);
    return fresh;
  }

  /**
   * A chunk whose events are too old, or the oldest where there is no more room; else a new one.
   */
  #recycled(size: number, newest: bigint): Chunk {
    const total = this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [oldest] = this.#chunks;
    const isOld = oldest !== undefined && oldest.last < this.#oldest(newest);
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

/** One event in so many tells a chunk's time. */
const STAMP_EVERY = 64;
