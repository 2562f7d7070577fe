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

/**
 * Takes one record: `length` bytes from `start` of `bytes`. The array and its view are used again
 * for the next batch, so what is to be kept must be copied. `start` is a multiple of 8.
 */
export type OnRecord = (bytes: Uint8Array, view: DataView, start: number, length: number) => void;

/**
 * The reading end of a BPF ring buffer map (kernel/bpf/ringbuf.c), mapped into memory.
 * Single consumer, main thread or a worker. Mapped memory never leaves this class.
 */
export class RingBuffer {
  readonly #size: number;
  readonly #mappings: readonly { readonly address: bigint; readonly length: number }[];
  readonly #watch: DescriptorWatch;
  // Mapped memory. INVARIANT: replaced by empty arrays before it is unmapped, since any later touch
  // would kill the process.
  #consumer: BigInt64Array;
  #producer: BigInt64Array;
  #headers: Int32Array;
  #data: Uint8Array;
  /** Where the next record starts; counts all bytes since the map was made. */
  #position: number;
  #batch = new Uint8Array(FIRST_BATCH_BYTES);
  #batchView = new DataView(this.#batch.buffer);
  #batchHeaders = new Int32Array(this.#batch.buffer);
  /** True when the last batch ended for its size rather than for want of records. */
  #batchFull = false;
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
    this.#size = map.spec.maxEntries;
    // The producer's page and the data may only be read. The data follow twice in a row, so a
    // record is never split.
    const consumer = mapMemory(map, {
      length: page,
      protection: PROT_READ | PROT_WRITE,
      offset: 0,
    });
    const producer = mapMemory(map, {
      length: page + 2 * this.#size,
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

  /**
   * Takes up to about 1 MiB of finished records out of the ring, then hands them over one by one;
   * returns how many. The ring's memory is free again before the first is handed over. Stops at a
   * record that is still being written.
   */
  drain(onRecord: OnRecord): number {
    if (this.#closed) return 0;
    const length = this.#takeBatch();
    return length === 0 ? 0 : this.#deliver(length, onRecord);
  }

  /**
   * Drains for ever, until `close`; then the promise resolves. When idle it waits for the kernel's
   * wake-up, which costs nothing; after one it pauses before each drain, because a wake-up for
   * every record costs five times more than the record: 2 ms, or as long as an eighth of the ring
   * takes to fill at the rate of the last pause. What `onRecord` throws rejects the promise.
   */
  async run(onRecord: OnRecord): Promise<void> {
    while (!this.#closed) {
      await this.#readable();
      let found = 1;
      let pause = GATHER_MS;
      while (found > 0 && !this.#closed) {
        const [paused, position] = [performance.now(), this.#position];
        // A timer knows whole milliseconds.
        await (pause < 1 ? immediate() : this.#sleep(pause));
        found = this.drain(onRecord);
        pause = pauseAfter(this.#position - position, {
          elapsedMs: performance.now() - paused,
          ringBytes: this.#size,
        });
        // Under load, one batch after another, but the rest of the program gets its turn.
        while (this.#batchFull && !this.#closed) {
          await immediate();
          this.drain(onRecord);
        }
      }
    }
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
   * Copies the finished records, at most a batch, and gives their memory back to the kernel; the
   * bytes copied.
   */
  #takeBatch(): number {
    const produced = Number(Atomics.load(this.#producer, 0)) - this.#position;
    const headers = this.#headers;
    const start = this.#position % this.#size;
    let taken = 0;
    this.#batchFull = false;
    while (taken < produced) {
      const header = Atomics.load(headers, (start + taken) >>> 2);
      // Bit 31, the sign: the writer is not done yet.
      if (header < 0) break;
      const size = ((header & LENGTH_BITS) + HEADER_BYTES + 7) & ~7;
      if (taken > 0 && taken + size > MAX_BATCH_BYTES) {
        this.#batchFull = true;
        break;
      }
      taken += size;
    }
    if (taken === 0) return 0;
    if (taken > this.#batch.length) this.#growBatch(taken);
    this.#batch.set(this.#data.subarray(start, start + taken));
    this.#position += taken;
    Atomics.store(this.#consumer, 0, BigInt(this.#position));
    return taken;
  }

  #deliver(end: number, onRecord: OnRecord): number {
    const bytes = this.#batch;
    const view = this.#batchView;
    const headers = this.#batchHeaders;
    let count = 0;
    let at = 0;
    while (at < end) {
      const header = headers[at >>> 2] ?? 0;
      const length = header & LENGTH_BITS;
      if ((header & DISCARD_BIT) === 0) {
        onRecord(bytes, view, at + HEADER_BYTES, length);
        count += 1;
      }
      at += (length + HEADER_BYTES + 7) & ~7;
    }
    return count;
  }

  #growBatch(needed: number): void {
    let length = this.#batch.length;
    while (length < needed) length *= 2;
    this.#batch = new Uint8Array(length);
    this.#batchView = new DataView(this.#batch.buffer);
    this.#batchHeaders = new Int32Array(this.#batch.buffer);
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#watch.stop();
        this.#wake = undefined;
        resolve();
      };
      this.#watch.start(this.#wake);
    });
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#wake = done;
    });
  }
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

/**
 * How long the next pause may be, when the ring got so many bytes in the time since the last one
 * began.
 */
export function pauseAfter(
  bytes: number,
  { elapsedMs, ringBytes }: { readonly elapsedMs: number; readonly ringBytes: number },
): number {
  return bytes === 0
    ? GATHER_MS
    : Math.min(GATHER_MS, (ringBytes * FILLED_SHARE * elapsedMs) / bytes);
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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
const GATHER_MS = 2;
/** What may be in the ring before it is drained. */
const FILLED_SHARE = 1 / 8;
