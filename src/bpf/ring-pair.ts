import type { OnRecord, RingBuffer } from "./ring-buffer.ts";
import { runRings } from "./ring-run.ts";

/** Two rings that are read as one, in the order of time. */
export interface RingPairOptions {
  /** Records of the few events that the others depend on. */
  readonly first: RingBuffer;
  /** All others. */
  readonly bulk: RingBuffer;
  /** When a record was made. Both rings are in this order, but for what CPUs did at once. */
  readonly timeOf: (view: DataView, start: number) => number;
}

/**
 * Two rings as one, in the order of their records' times. A record of `bulk` is handed over after
 * all of `first` that came before it; one of `first` waits while a record of `bulk` from before it
 * may still be on its way.
 */
export class RingPair {
  readonly #options: RingPairOptions;
  #isDraining = false;

  constructor(options: RingPairOptions) {
    this.#options = options;
  }

  /** Hands over what there is, at most a batch of each; returns how many, and 1 while one waits. */
  drain(onRecord: OnRecord): number {
    this.#isDraining = true;
    try {
      return this.#drain(onRecord);
    } finally {
      this.#isDraining = false;
    }
  }

  #drain(onRecord: OnRecord): number {
    const { first, bulk, timeOf } = this.#options;
    // Whatever was done before one of these is in the other ring by now.
    const settled = first.produced;
    bulk.take();
    // And whatever was done before one of those is in this ring by now.
    const needed = first.produced;
    if (this.#peekFirst(needed) < 0) return bulk.deliver(onRecord);
    let count = 0;
    for (let at = bulk.peek(); at >= 0; at = bulk.peek()) {
      const time = timeOf(bulk.view, at);
      count += this.#deliverFirst(onRecord, needed, (start) => timeOf(first.view, start) <= time);
      bulk.shift(onRecord);
      count += 1;
    }
    if (!bulk.isPartial)
      count += this.#deliverFirst(onRecord, needed, () => first.peekPosition < settled);
    return first.peek() >= 0 ? count + 1 : count;
  }

  /** Drains for ever, as `RingBuffer.run` does. */
  run(onRecord: OnRecord): Promise<void> {
    const { first, bulk } = this.#options;
    const isBehind = (): boolean => bulk.isFull || first.isFull;
    return runRings({ rings: [bulk, first], drain: () => this.drain(onRecord), isBehind });
  }

  /**
   * Drains what is there, for `limitMs` at the most; returns how many records nobody is handed. From
   * within `onRecord` only what was taken already is handed over.
   */
  finish(onRecord: OnRecord, limitMs: number): number {
    const { first, bulk } = this.#options;
    const untaken = (): number => first.countUntaken() + bulk.countUntaken();
    if (this.#isDraining) return untaken();
    const end = performance.now() + limitMs;
    let late = 0;
    const inTime: OnRecord = (bytes, view, start, length) => {
      if (performance.now() < end) onRecord(bytes, view, start, length);
      else late += 1;
    };
    while (performance.now() < end && this.drain(inTime) > 0);
    return late + first.countTaken() + bulk.countTaken() + untaken();
  }

  close(): void {
    this.#options.first.close();
    this.#options.bulk.close();
  }

  #deliverFirst(onRecord: OnRecord, needed: number, isDue: (start: number) => boolean): number {
    let count = 0;
    for (let at = this.#peekFirst(needed); at >= 0 && isDue(at); at = this.#peekFirst(needed)) {
      this.#options.first.shift(onRecord);
      count += 1;
    }
    return count;
  }

  /** One batch after another, as far as `needed`. */
  #peekFirst(needed: number): number {
    const { first } = this.#options;
    const at = first.peek();
    if (at >= 0 || first.position >= needed) return at;
    first.take();
    return first.peek();
  }
}
