import { decodeText } from "../lib/text.ts";
import { OPEN_CODES } from "./call-filter.ts";
import { CONTEXT, DESCRIPTOR, FIRST_NOTICE, RECORD_FLAGS, SCAP_HEADER } from "./record.ts";
import { EVENT_TYPES, type EventType, isLargePayload } from "./schema.ts";

const MAX_PARAMS = 64;
const OPENING: ReadonlySet<number> = new Set(OPEN_CODES);
const EMPTY = new Uint8Array(0);

/**
 * One event, seen where it lies in memory. Hot: a source reuses one `Event` for all its records
 * (`load`), so whoever keeps an event beyond the callback takes a `copy()`. Getters decode on
 * demand and never throw on an event that `load` accepted.
 */
export class Event {
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  /** Number of the event in its source, the first is 1. */
  num = 0;
  /** scap's event code, or a notice's. */
  code = 0;
  /** The processor that it happened on, -1 when the source does not tell. */
  cpu = -1;
  /** Offset of the context in `bytes`, -1 when the source has none (a capture file). */
  context = -1;
  #scap = 0;
  #end = 0;
  #count = 0;
  #offset32 = new Uint32Array(MAX_PARAMS + 1);

  /**
   * Points this event at the record of `length` bytes at `start`. False when the bytes are no
   * well-formed record; the event must not be used then. `hasContext` tells a live record from a
   * bare scap event.
   */
  load(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    length: number,
    hasContext: boolean,
  ): boolean {
    const scap = hasContext ? start + CONTEXT.end : start;
    const limit = start + length;
    if (scap + SCAP_HEADER.end > limit) return false;
    const size = view.getUint32(scap + SCAP_HEADER.length, true);
    const count = view.getUint32(scap + SCAP_HEADER.count, true);
    const code = view.getUint16(scap + SCAP_HEADER.type, true);
    const width = isLargePayload(code) ? 4 : 2;
    if (count > MAX_PARAMS || size > limit - scap || SCAP_HEADER.end + width * count > size)
      return false;
    let offset = scap + SCAP_HEADER.end + width * count;
    for (let index = 0; index < count; index += 1) {
      this.#offset32[index] = offset;
      const at = scap + SCAP_HEADER.end + width * index;
      offset += width === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    }
    if (offset > scap + size) return false;
    this.#offset32[count] = offset;
    this.bytes = bytes;
    this.view = view;
    this.code = code;
    this.context = hasContext ? start : -1;
    this.#scap = scap;
    this.#end = limit;
    this.#count = count;
    return true;
  }

  /** An event of its own memory, for whoever must wait. */
  copy(): Event {
    const start = this.context < 0 ? this.#scap : this.context;
    const bytes = this.bytes.slice(start, this.#end);
    const copy = new Event();
    copy.load(bytes, new DataView(bytes.buffer), 0, bytes.length, this.context >= 0);
    copy.num = this.num;
    copy.cpu = this.cpu;
    return copy;
  }

  /** The record's bytes, context included, as a view of the same memory. */
  get record(): Uint8Array {
    return this.bytes.subarray(this.context < 0 ? this.#scap : this.context, this.#end);
  }

  /** The bytes of the scap event alone: what a capture holds. */
  get scapBytes(): Uint8Array {
    return this.bytes.subarray(
      this.#scap,
      this.#scap + this.view.getUint32(this.#scap + SCAP_HEADER.length, true),
    );
  }

  get isNotice(): boolean {
    return this.code >= FIRST_NOTICE;
  }

  /** Undefined for a code that today's schema does not know. */
  get type(): EventType | undefined {
    return EVENT_TYPES[this.code];
  }

  /** Nanoseconds since the Unix epoch. */
  get timestamp(): bigint {
    return this.view.getBigUint64(this.#scap + SCAP_HEADER.timestamp, true);
  }

  /**
   * The timestamp's lower and upper half, to `into[at]` and behind it. Hot: nothing is allocated.
   */
  copyTimestamp(into: Uint32Array, at: number): void {
    const from = this.#scap + SCAP_HEADER.timestamp;
    into[at] = this.view.getUint32(from, true);
    into[at + 1] = this.view.getUint32(from + 4, true);
  }

  /** -1 where there is no thread. */
  get tid(): number {
    const at = this.#scap + SCAP_HEADER.tid;
    return this.view.getInt32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  get count(): number {
    return this.#count;
  }

  /** A u32 of the context, by its offset in CONTEXT. Only where `context` is not negative. */
  contextU32(field: number): number {
    return this.view.getUint32(this.context + field, true);
  }

  contextU64(field: number): number {
    const at = this.context + field;
    return this.view.getUint32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  get comm(): string {
    const at = this.context + CONTEXT.comm;
    return decodeText(this.bytes, at, at + 16);
  }

  /** Whether the kernel tells where the paths of the event led. */
  get hasResolved(): boolean {
    return this.context >= 0 && this.contextU32(CONTEXT.resolved) !== 0;
  }

  /** Whether a path of the event is not whole, so that any path may be meant. */
  get isPathUnknown(): boolean {
    return this.context >= 0 && (this.contextU32(CONTEXT.flags) & RECORD_FLAGS.PATH_UNKNOWN) !== 0;
  }

  /**
   * The file's own path, from the root of all mounts: of an open where it is not the one that was
   * passed, of a call with two paths the first; of a program the file that was named.
   */
  get resolved(): string | undefined {
    return this.hasResolved ? this.#ledTo(this.contextU32(CONTEXT.resolved)) : undefined;
  }

  /** Of a call with two paths where the second one led; of a program its executable. */
  get resolvedSecond(): string | undefined {
    if (!this.hasResolved || OPENING.has(this.code)) return undefined;
    const first = this.contextU32(CONTEXT.resolved);
    if (this.context + first + 2 > this.#end) return undefined;
    return this.#ledTo(first + 2 + this.view.getUint16(this.context + first, true));
  }

  /** The directory that a relative path of this event starts from, read in the kernel. */
  get directory(): string | undefined {
    if (this.context < 0) return undefined;
    return this.#section(this.contextU32(CONTEXT.directory));
  }

  /** Offset in `bytes` of the descriptor section, -1 when there is none. */
  get descriptor(): number {
    if (this.context < 0) return -1;
    const offset = this.contextU32(CONTEXT.descriptor);
    return offset === 0 || this.context + offset + DESCRIPTOR.end > this.#end
      ? -1
      : this.context + offset;
  }

  /** The path or name that ends the descriptor section of anything but an IP socket. */
  get descriptorPath(): string | undefined {
    const at = this.descriptor;
    return at < 0 ? undefined : this.#section(at + DESCRIPTOR.end - this.context);
  }

  /** True when parameter `index` is there and has bytes. */
  has(index: number): boolean {
    return this.length(index) > 0;
  }

  offset(index: number): number {
    return this.#offset32[index] ?? 0;
  }

  length(index: number): number {
    return index < this.#count
      ? (this.#offset32[index + 1] ?? 0) - (this.#offset32[index] ?? 0)
      : 0;
  }

  /**
   * A signed number parameter of 1, 2, 4 or 8 bytes; undefined when it is missing. Beyond 2^53 it
   * loses low bits.
   */
  int(index: number): number | undefined {
    const at = this.offset(index);
    switch (this.length(index)) {
      case 1:
        return this.view.getInt8(at);
      case 2:
        return this.view.getInt16(at, true);
      case 4:
        return this.view.getInt32(at, true);
      case 8:
        return this.view.getInt32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
      default:
        return undefined;
    }
  }

  /**
   * An unsigned number parameter of 1, 2, 4 or 8 bytes; undefined when it is missing. Beyond 2^53
   * it loses low bits.
   */
  uint(index: number): number | undefined {
    const at = this.offset(index);
    switch (this.length(index)) {
      case 1:
        return this.view.getUint8(at);
      case 2:
        return this.view.getUint16(at, true);
      case 4:
        return this.view.getUint32(at, true);
      case 8:
        return this.view.getUint32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
      default:
        return undefined;
    }
  }

  /** An unsigned 64-bit parameter, exact. */
  bigUint(index: number): bigint | undefined {
    return this.length(index) === 8 ? this.view.getBigUint64(this.offset(index), true) : undefined;
  }

  /** A text parameter up to its NUL; undefined when it is missing. */
  text(index: number): string | undefined {
    const length = this.length(index);
    if (length === 0) return undefined;
    const at = this.offset(index);
    // So a missing one stands in captures of old engines; live it is a name like any other.
    if (length === OLD_NULL.length && this.context < 0 && this.#isOldNull(at)) return undefined;
    return decodeText(this.bytes, at, at + length);
  }

  #isOldNull(at: number): boolean {
    return OLD_NULL.every((byte, index) => this.bytes[at + index] === byte);
  }

  /** A byte buffer of NUL-terminated texts, such as `args`. */
  texts(index: number): string[] {
    const texts: string[] = [];
    const end = this.offset(index) + this.length(index);
    let start = this.offset(index);
    while (start < end) {
      let stop = this.bytes.indexOf(0, start);
      if (stop < 0 || stop > end) stop = end;
      texts.push(decodeText(this.bytes, start, stop));
      start = stop + 1;
    }
    return texts;
  }

  /**
   * A unix socket's path between two offsets; an abstract name, which starts with NUL, gets an `@`
   * instead.
   */
  unixPath(start: number, end: number): string {
    const isAbstract = end - start > 1 && this.bytes[start] === 0 && this.bytes[start + 1] !== 0;
    return isAbstract
      ? `@${decodeText(this.bytes, start + 1, end)}`
      : decodeText(this.bytes, start, end);
  }

  /** A parameter's bytes, as a view of the same memory. */
  slice(index: number): Uint8Array {
    const at = this.offset(index);
    return this.bytes.subarray(at, at + this.length(index));
  }

  /** Of two paths one may not be there: it has no bytes. */
  #ledTo(offset: number): string | undefined {
    const path = this.#section(offset);
    return path === "" ? undefined : path;
  }

  #section(offset: number): string | undefined {
    const at = this.context + offset;
    if (offset === 0 || at + 2 > this.#end) return undefined;
    const length = this.view.getUint16(at, true);
    return at + 2 + length > this.#end
      ? undefined
      : decodeText(this.bytes, at + 2, at + 2 + length);
  }
}

/** `(NULL)` and its NUL. */
const OLD_NULL: readonly number[] = [0x28, 0x4e, 0x55, 0x4c, 0x4c, 0x29, 0];
