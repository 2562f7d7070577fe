import { AppError } from "../lib/errors.ts";
import {
  lastErrno,
  libc,
  viewMemory,
  watchDescriptor,
  type DescriptorWatch,
} from "../libc/libc.ts";
import type { BpfMap } from "./bpf-map.ts";
import { MAP_TYPE } from "./object-spec.ts";
import { runRings, type WaitingRing } from "./ring-run.ts";

/**
 * Takes one record: `length` bytes from `start` of `bytes`. The array and its view are used again
 * for the next batch, so what is to be kept must be copied. `start` is a multiple of 8.
 */
export type OnRecord = (bytes: Uint8Array, view: DataView, start: number, length: number) => void;

/**
 * The reading end of a BPF ring buffer map (kernel/bpf/ringbuf.c), mapped into memory.
 * Single consumer, main thread or a worker. Mapped memory never leaves this class.
 */
export class RingBuffer implements WaitingRing {
  /** In bytes. */
  readonly size: number;
  readonly #mappings: readonly { readonly address: bigint; readonly length: number }[];
  readonly #watch: DescriptorWatch;
  // Mapped memory. INVARIANT: replaced by empty arrays before it is unmapped, since any later touch
  // would kill the process.
  #consumer: BigInt64Array;
  #producer: BigInt64Array;
  #headers: Int32Array;
  #data: Uint8Array;
  #position: number;
  #batch = new Uint8Array(FIRST_BATCH_BYTES);
  #batchView = new DataView(this.#batch.buffer);
  #batchHeaders = new Int32Array(this.#batch.buffer);
  /** What of the batch was not handed over yet. */
  #at = 0;
  #end = 0;
  #isFull = false;
  #isPartial = false;
  #closed = false;
  #wake: (() => void) | undefined;

  /** Throws `KERNEL_<ERRNO>` when the map cannot be mapped. */
  constructor(map: BpfMap) {
    if (map.spec.type !== MAP_TYPE.ringbuf)
      throw new AppError(
        "BUG_NOT_A_RING",
        `Cannot read BPF map "${map.spec.name}" as a ring buffer: it is none`,
      );
    const page = libc.getpagesize();
    this.size = map.spec.maxEntries;
    // The producer's page and the data may only be read. The kernel would show the data a second
    // time behind, so that no record is split: what is taken is copied anyway, and that mapping
    // would count as resident memory once more.
    const consumer = mapMemory(map, {
      length: page,
      protection: PROT_READ | PROT_WRITE,
      offset: 0,
    });
    const producer = mapMemory(map, {
      length: page + this.size,
      protection: PROT_READ,
      offset: page,
    });
    this.#mappings = [consumer, producer];
    this.#consumer = new BigInt64Array(viewMemory(consumer.address, 8));
    const readOnly = viewMemory(producer.address, producer.length);
    this.#producer = new BigInt64Array(readOnly, 0, 1);
    this.#headers = new Int32Array(readOnly, page);
    this.#data = new Uint8Array(readOnly, page);
    this.#position = Number(Atomics.load(this.#consumer, 0));
    this.#watch = watchDescriptor(map.fd);
  }

  /** Where what was not taken out yet starts; counts all bytes since the map was made. */
  get position(): number {
    return this.#position;
  }

  /** Where the kernel will put the next record. */
  get produced(): number {
    return this.#closed ? this.#position : Number(Atomics.load(this.#producer, 0));
  }

  /** The last batch ended for its size: there is more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The same, or it ended at a record that was still being written. */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Takes up to about 1 MiB of finished records out of the ring, then hands them over one by one;
   * returns how many. The ring's memory is free again before the first is handed over. Stops at a
   * record that is still being written.
   */
  drain(onRecord: OnRecord): number {
    this.take();
    return this.deliver(onRecord);
  }

  /**
   * Drains for ever, until `close`; then the promise resolves. How it waits: `runRings`. What
   * `onRecord` throws rejects the promise.
   */
  run(onRecord: OnRecord): Promise<void> {
    const source = {
      rings: [this],
      drain: () => this.drain(onRecord),
      isBehind: () => this.#isFull,
    };
    return runRings(source);
  }

  waitReadable(wake: () => void): void {
    this.#wake = wake;
    this.#watch.start(wake);
  }

  waitClosed(wake: () => void): void {
    this.#wake = wake;
  }

  stopWaiting(): void {
    if (!this.#closed) this.#watch.stop();
    this.#wake = undefined;
  }

  /**
   * Ends `run` within the same turn and unmaps the ring. Safe to call from within `onRecord`, and
   * twice.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    this.#watch.close();
    this.#consumer = new BigInt64Array(0);
    this.#producer = new BigInt64Array(0);
    this.#headers = new Int32Array(0);
    this.#data = new Uint8Array(0);
    for (const { address, length } of this.#mappings) libc.munmap(address, length);
  }

  /**
   * Copies the finished records, at most a batch, and gives their memory back to the kernel.
   * INVARIANT: what was taken before has been handed over.
   */
  take(): void {
    this.#at = 0;
    this.#end = this.#closed ? 0 : this.#takeBatch();
  }

  /** Hands over what was taken; returns how many. */
  deliver(onRecord: OnRecord): number {
    let count = 0;
    while (this.#at < this.#end) count += this.#deliverOne(onRecord);
    return count;
  }

  /** Where the first record that was taken and not handed over yet starts in `view`; -1: none. */
  peek(): number {
    while (this.#at < this.#end) {
      const header = this.#batchHeaders[this.#at >>> 2] ?? 0;
      if ((header & DISCARD_BIT) === 0) return this.#at + HEADER_BYTES;
      this.#at += sizeOf(header);
    }
    return -1;
  }

  /** Of the batch that was taken last. */
  get view(): DataView {
    return this.#batchView;
  }

  /** Where the record of `peek` stood in the ring, counted as `position` is. */
  get peekPosition(): number {
    return this.#position - this.#end + this.#at;
  }

  /** Hands over the record of `peek`. */
  shift(onRecord: OnRecord): void {
    if (this.peek() >= 0) this.#deliverOne(onRecord);
  }

  /** Finished records that were taken and not handed over. */
  countTaken(): number {
    let count = 0;
    for (let at = this.#at; at < this.#end;) {
      const header = this.#batchHeaders[at >>> 2] ?? 0;
      if ((header & DISCARD_BIT) === 0) count += 1;
      at += sizeOf(header);
    }
    return count;
  }

  /** Finished records that are still in the ring. */
  countUntaken(): number {
    let count = 0;
    for (let position = this.#position; position < this.produced;) {
      const header = Atomics.load(this.#headers, (position % this.size) >>> 2);
      if (header < 0) break;
      if ((header & DISCARD_BIT) === 0) count += 1;
      position += sizeOf(header);
    }
    return count;
  }

  #deliverOne(onRecord: OnRecord): 0 | 1 {
    const at = this.#at;
    const header = this.#batchHeaders[at >>> 2] ?? 0;
    this.#at = at + sizeOf(header);
    if ((header & DISCARD_BIT) !== 0) return 0;
    onRecord(this.#batch, this.#batchView, at + HEADER_BYTES, header & LENGTH_BITS);
    return 1;
  }

  #takeBatch(): number {
    const produced = Number(Atomics.load(this.#producer, 0)) - this.#position;
    const headers = this.#headers;
    const start = this.#position % this.size;
    const within = this.size - 1;
    let taken = 0;
    this.#isFull = false;
    this.#isPartial = false;
    while (taken < produced) {
      const header = Atomics.load(headers, ((start + taken) & within) >>> 2);
      // Bit 31, the sign: the writer is not done yet.
      if (header < 0) {
        this.#isPartial = true;
        break;
      }
      const size = sizeOf(header);
      if (taken > 0 && taken + size > MAX_BATCH_BYTES) {
        this.#isFull = this.#isPartial = true;
        break;
      }
      taken += size;
    }
    if (taken === 0) return 0;
    if (taken > this.#batch.length) this.#growBatch(taken);
    const atEnd = Math.min(taken, this.size - start);
    this.#batch.set(this.#data.subarray(start, start + atEnd));
    if (atEnd < taken) this.#batch.set(this.#data.subarray(0, taken - atEnd), atEnd);
    this.#position += taken;
    Atomics.store(this.#consumer, 0, BigInt(this.#position));
    return taken;
  }

  #growBatch(needed: number): void {
    let length = this.#batch.length;
    while (length < needed) length *= 2;
    this.#batch = new Uint8Array(length);
    this.#batchView = new DataView(this.#batch.buffer);
    this.#batchHeaders = new Int32Array(this.#batch.buffer);
  }
}

/** What a record takes in the ring, with its header. */
function sizeOf(header: number): number {
  return ((header & LENGTH_BITS) + HEADER_BYTES + 7) & ~7;
}

function mapMemory(
  map: BpfMap,
  { length, protection, offset }: { length: number; protection: number; offset: number },
) {
  const address: bigint = libc.mmap(null, length, protection, MAP_SHARED, map.fd, offset);
  if (address === MAP_FAILED) {
    const errno = lastErrno();
    throw new AppError(
      `KERNEL_${errno}`,
      `Cannot map ring buffer "${map.spec.name}" of ${map.spec.maxEntries} bytes into memory: ${errno}`,
    );
  }
  return { address, length };
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const HEADER_BYTES = 8;
const DISCARD_BIT = 1 << 30;
const LENGTH_BITS = DISCARD_BIT - 1;
const FIRST_BATCH_BYTES = 64 * 1024;
const MAX_BATCH_BYTES = 1024 * 1024;
