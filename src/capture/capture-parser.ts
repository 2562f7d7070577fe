import { ALL_EVENT_TYPES } from "../events/all-event-types.ts";
import { EventConverter, needsConversion } from "../events/convert.ts";
import { Event } from "../events/event.ts";
import { SCAP_HEADER } from "../events/record.ts";
import { AppError } from "../lib/errors.ts";
import type { HostEntries } from "../state/host-entries.ts";
import {
  BLOCK,
  BLOCK_LIMITS,
  DESCRIPTOR_LISTS,
  EVENT_BLOCKS,
  type EventBlock,
  INTERFACE_LISTS,
  MACHINE,
  presentType,
  PROCESS_LISTS,
  SECTION,
  STATE_ONLY,
  USER_LISTS,
} from "./scap-format.ts";
import { SectionEntries } from "./section-entries.ts";

/** Who takes what a capture holds. */
export interface CaptureSink {
  /** The host as it was before the events that follow: once for each section of the file. */
  host(entries: HostEntries): void;
  /**
   * One event in today's shape; it lives until the callback returns. `isShown` is false for what is
   * there for the state alone. Its `code` may be one that the schema does not know.
   */
  event(event: Event, isShown: boolean): void;
}

/** What was read so far. Every event of the file is in one of the counts. */
export interface CaptureCounts {
  /** Bytes of the file, decompressed. */
  bytes: number;
  /** Events that reached the sink, shown or for the state alone. */
  events: number;
  /**
   * Enter events whose parameters went into their exits, and types that nothing took the place of.
   */
  merged: number;
  /** Events of codes that the schema does not know; they are among `events`. */
  unknown: number;
  /** Blocks of unknown types that were passed over. */
  unknownBlocks: number;
}

/** What a capture held, once it is read; `truncated` says why it is not whole. */
export interface CaptureEnd extends CaptureCounts {
  /**
   * What is missing when the file ends within a block or its compressed stream; undefined for a
   * whole file.
   */
  readonly truncated: string | undefined;
  /** Enter events of old captures that had no room until their exits came. */
  readonly evicted: number;
}

/**
 * Takes a capture in pieces of any size, and gives its sink whole events. Memory is bounded by the
 * largest block (`BLOCK_LIMITS`). Hot: an event is seen where it lies in the piece. Throws
 * `INPUT_CAPTURE` on what is no scap file, with the place of the fault in bytes.
 */
export class CaptureParser {
  readonly counts: CaptureCounts = { bytes: 0, events: 0, merged: 0, unknown: 0, unknownBlocks: 0 };
  readonly #sink: CaptureSink;
  readonly #converter = new EventConverter();
  readonly #event = new Event();
  #entries = new SectionEntries();
  #inSection = false;
  #hasHost = false;
  #num = 0;
  /** No event has come yet that happened. */
  #isInitial = true;
  /** A block that began in an earlier piece. */
  #rest: Uint8Array = new Uint8Array(0);
  #restLength = 0;
  #toSkip = 0;

  constructor(sink: CaptureSink) {
    this.#sink = sink;
  }

  /** Takes the next piece; the parser keeps nothing of its memory. */
  push(piece: Uint8Array): void {
    let from = this.#skipWithin(piece.length);
    // The block that the last piece left unfinished is completed first, byte for byte as much as it
    // needs.
    while (this.#restLength > 0 && from < piece.length) {
      const needed = this.#neededOfRest();
      const taken = Math.min(needed - this.#restLength, piece.length - from);
      this.#keep(piece.subarray(from, from + taken), needed);
      from += taken;
      if (this.#restLength < needed) return;
      if (needed === BLOCK.body && this.#neededOfRest() > BLOCK.body) continue;
      this.#restLength = 0;
      this.#blocks(this.#rest.subarray(0, needed), 0, needed);
      from += this.#skipWithin(piece.length - from);
    }
    if (from >= piece.length) return;
    const end = this.#blocks(piece, from, piece.length);
    if (end < piece.length) this.#keep(piece.subarray(end), BLOCK.body);
  }

  /** As of `CaptureEnd`, so far. */
  get evicted(): number {
    return this.#converter.evicted;
  }

  /**
   * Ends the capture: what is missing, or undefined. `fault` is what the compressed stream ended
   * with.
   */
  end(fault?: string): CaptureEnd {
    if (!this.#inSection && this.#restLength === 0 && fault === undefined)
      throw new AppError("INPUT_CAPTURE", "it is empty");
    if (!this.#inSection)
      throw new AppError(
        "INPUT_CAPTURE",
        fault === undefined
          ? "it ends within its first block: it is no scap file, or nearly all of it is missing"
          : fault,
      );
    if (this.#isForeign())
      throw new AppError(
        "INPUT_CAPTURE",
        "it is a pcapng file that holds no events of system calls",
        { hint: "captures of packets (Wireshark, tcpdump) are not read" },
      );
    this.#reportHost();
    const missing = this.#restLength > 0 || this.#toSkip > 0;
    const place = `${missing ? "within a block " : ""}at byte ${this.counts.bytes}`;
    const truncated =
      missing || fault !== undefined
        ? `it ends ${place}${fault === undefined ? "" : ` (${fault})`}`
        : undefined;
    return { ...this.counts, truncated, evicted: this.evicted };
  }

  /** Sections of scap are those of pcapng: all that came is of other kinds. */
  #isForeign(): boolean {
    const { events, merged, unknownBlocks } = this.counts;
    return unknownBlocks > 0 && events + merged === 0 && this.#entries.machine === undefined;
  }

  /**
   * Length of the block in `rest`, or of the header that tells it; of a block that is passed over
   * its header is enough.
   */
  #neededOfRest(): number {
    if (this.#restLength < BLOCK.body) return BLOCK.body;
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset);
    return isKnown(presentType(view.getUint32(0, true))) ? this.#lengthOf(view, 0) : BLOCK.body;
  }

  #keep(bytes: Uint8Array, needed: number): void {
    const length = this.#restLength + bytes.length;
    if (length > this.#rest.length) {
      // Doubled, not to the length that a header claims: memory is spent on bytes that came.
      const grown = new Uint8Array(Math.max(length, Math.min(needed, 2 * this.#rest.length)));
      grown.set(this.#rest.subarray(0, this.#restLength));
      this.#rest = grown;
    }
    this.#rest.set(bytes, this.#restLength);
    this.#restLength = length;
  }

  #skipWithin(available: number): number {
    const skipped = Math.min(this.#toSkip, available);
    this.#toSkip -= skipped;
    this.counts.bytes += skipped;
    return skipped;
  }

  /**
   * Takes whole blocks from `from`; returns where the first unfinished one begins. Hot: nearly all
   * blocks are events.
   */
  #blocks(bytes: Uint8Array, from: number, end: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = from;
    while (at + BLOCK.body <= end) {
      const type = presentType(view.getUint32(at, true));
      const length = this.#lengthOf(view, at);
      if (!isKnown(type)) {
        const present = Math.min(length, end - at);
        this.counts.unknownBlocks += 1;
        this.counts.bytes += present;
        this.#toSkip = length - present;
        at += present;
        continue;
      }
      if (at + length > end) return at;
      const event = eventBlockOf(type);
      if (event === undefined) this.#block(type, bytes.subarray(at, at + length));
      else this.#readEvent(event, bytes, view, at, length);
      this.counts.bytes += length;
      at += length;
    }
    return at;
  }

  /** The whole length of the block whose header is at `at`. */
  #lengthOf(view: DataView, at: number): number {
    const type = presentType(view.getUint32(at, true));
    const length = view.getUint32(at + BLOCK.length, true);
    if (this.#inSection && length - BLOCK.overhead <= limitOf(type) && length >= shortestOf(type))
      return length;
    if (!this.#inSection && type !== SECTION.type)
      throw this.#fault(
        "it is no scap file: it does not begin with the block that every section starts with",
      );
    const what = `a block of type 0x${type.toString(16)} has the length ${length}`;
    if (length < shortestOf(type))
      throw this.#fault(`${what}, which is shorter than its own header`);
    if (length - BLOCK.overhead > limitOf(type))
      throw this.#fault(`${what}; at most ${limitOf(type) + BLOCK.overhead} are legal`);
    return length;
  }

  /** A whole block that is no event's. */
  #block(type: number, block: Uint8Array): void {
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    if (type === SECTION.type) {
      this.#section(view, 0);
      return;
    }
    const trailer = view.getUint32(block.length - BLOCK.trailer, true);
    if (trailer !== block.length)
      throw this.#fault(
        `a block of type 0x${type.toString(16)} says ${block.length} bytes at its start and ${trailer} at its end`,
      );
    if (this.#hasHost)
      throw this.#fault(
        `a block of type 0x${type.toString(16)} tells of the host after events were told; only a new section may`,
      );
    try {
      this.#entries.take(type, block.subarray(BLOCK.body, block.length - BLOCK.trailer));
    } catch (error) {
      throw error instanceof AppError ? this.#fault(error.message) : error;
    }
  }

  #section(view: DataView, start: number): void {
    const at = start + BLOCK.body;
    const isLittleEndian = view.getUint32(at, true) === SECTION.magic;
    if (!isLittleEndian && view.getUint32(at, false) === SECTION.magic)
      throw this.#fault("it was written on a big-endian machine, whose events are not read");
    if (!isLittleEndian)
      throw this.#fault("it is no scap file: its first block lacks the magic number 0x1a2b3c4d");
    const major = view.getUint16(at + 4, true);
    if (major > SECTION.major)
      throw this.#fault(
        `it is of version ${major}.${view.getUint16(at + 6, true)} of the format; ${SECTION.major}.x is read`,
      );
    if (this.#inSection) this.#reportHost();
    this.#inSection = true;
    this.#isInitial = true;
    this.#hasHost = false;
    this.#entries = new SectionEntries();
  }

  #reportHost(): void {
    if (this.#hasHost) return;
    this.#hasHost = true;
    this.#sink.host(this.#entries);
  }

  #readEvent(
    { version, hasFlags }: EventBlock,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    length: number,
  ): void {
    if (!this.#hasHost) this.#reportHost();
    const at = start + BLOCK.body + (hasFlags ? 6 : 2);
    const room = start + length - BLOCK.trailer - at;
    const flags = hasFlags ? view.getUint32(start + BLOCK.body + 2, true) : 0;
    const event = this.#event;
    if (version === 1) {
      const record = this.#withCount(view, bytes, at, room);
      this.#load(
        record,
        new DataView(record.buffer, record.byteOffset, record.byteLength),
        0,
        record.length,
      );
    } else {
      if (room < SCAP_HEADER.end)
        throw this.#fault(
          `the block of an event has ${room} bytes for it; its header alone takes ${SCAP_HEADER.end}`,
        );
      this.#load(bytes, view, at, room);
    }
    event.cpu = view.getUint16(start + BLOCK.body, true);
    if (needsConversion(event.code, event.count) && !this.#convert()) {
      this.counts.merged += 1;
      return;
    }
    this.#num += 1;
    this.counts.events += 1;
    event.num = this.#num;
    if (event.code >= ALL_EVENT_TYPES.length) this.counts.unknown += 1;
    if (this.#isInitial && !INITIAL_STATE.has(event.type?.name ?? "")) this.#isInitial = false;
    this.#sink.event(event, (flags & STATE_ONLY) === 0 && !this.#isInitial);
  }

  #load(bytes: Uint8Array, view: DataView, at: number, room: number): void {
    const length = view.getUint32(at + SCAP_HEADER.length, true);
    if (length > room)
      throw this.#fault(`an event has the length ${length}; its block has ${room} bytes for it`);
    if (this.#event.load(bytes, view, at, length, false)) return;
    throw this.#fault(
      `the parameters of an event of type ${view.getUint16(at + SCAP_HEADER.type, true)} do not fit its ${length} bytes`,
    );
  }

  /** False when nothing is left to show. */
  #convert(): boolean {
    const event = this.#event;
    const { cpu } = event;
    try {
      const converted = this.#converter.convert(event.record);
      if (converted === undefined) return false;
      const view = new DataView(converted.buffer, converted.byteOffset, converted.byteLength);
      if (!event.load(converted, view, 0, converted.length, false))
        throw this.#fault("a converted event is malformed");
      event.cpu = cpu;
      return true;
    } catch (error) {
      throw error instanceof AppError && !error.message.includes("at byte")
        ? this.#fault(error.message)
        : error;
    }
  }

  /**
   * An event of the first version, whose header has no number of parameters: it is the one that
   * makes their lengths fit.
   */
  #withCount(view: DataView, bytes: Uint8Array, at: number, room: number): Uint8Array<ArrayBuffer> {
    const head = SCAP_HEADER.end - 4;
    if (room < head)
      throw this.#fault(
        `the block of an event has ${room} bytes for it; its header alone takes ${head}`,
      );
    const code = view.getUint16(at + SCAP_HEADER.type, true);
    let length = view.getUint32(at + SCAP_HEADER.length, true);
    // Two types were written with a length that is three too high.
    if (WRONG_LENGTHS.has(ALL_EVENT_TYPES[code]?.name ?? "")) length -= 3;
    if (length > room || length < head)
      throw this.#fault(`an event has the length ${length}; its block has ${room} bytes for it`);
    const most = ALL_EVENT_TYPES[code]?.params.length ?? Math.floor((length - head) / 2);
    for (let count = most; count >= 0; count -= 1) {
      let end = head + 2 * count;
      for (let index = 0; index < count && end <= length; index += 1)
        end += view.getUint16(at + head + 2 * index, true);
      if (end !== length) continue;
      const record = new Uint8Array(length + 4);
      record.set(bytes.subarray(at, at + head));
      record.set(bytes.subarray(at + head, at + length), SCAP_HEADER.end);
      const header = new DataView(record.buffer);
      header.setUint32(SCAP_HEADER.length, record.length, true);
      header.setUint32(SCAP_HEADER.count, count, true);
      return record;
    }
    throw this.#fault(`the parameters of an event of type ${code} do not fit its ${length} bytes`);
  }

  #fault(what: string): AppError {
    return new AppError("INPUT_CAPTURE", `at byte ${this.counts.bytes}: ${what}`);
  }
}

/** Events that a capture may begin with: they tell what was there, and are shown to nobody. */
const INITIAL_STATE: ReadonlySet<string> = new Set([
  "container",
  "useradded",
  "userdeleted",
  "groupadded",
  "groupdeleted",
]);

const WRONG_LENGTHS: ReadonlySet<string> = new Set(["notification", "infra"]);

const LISTS: ReadonlySet<number> = new Set([
  MACHINE.type,
  ...PROCESS_LISTS.keys(),
  ...DESCRIPTOR_LISTS.keys(),
  ...INTERFACE_LISTS.keys(),
  ...USER_LISTS.keys(),
]);

/**
 * Blocks of events by their types, of which the first is subtracted: a table is faster than a map.
 */
const FIRST_TYPE = 0x200;
const EVENTS_BY_TYPE: readonly (EventBlock | undefined)[] = Array.from(
  { length: 0x40 },
  (_, index) => EVENT_BLOCKS.get(FIRST_TYPE + index),
);

function eventBlockOf(type: number): EventBlock | undefined {
  return EVENTS_BY_TYPE[type - FIRST_TYPE];
}

function isKnown(type: number): boolean {
  return eventBlockOf(type) !== undefined || type === SECTION.type || LISTS.has(type);
}

function limitOf(type: number): number {
  const block = eventBlockOf(type);
  if (block !== undefined) return block.isLarge ? BLOCK_LIMITS.largeEvent : BLOCK_LIMITS.event;
  // Programs that edit captures put comments into it.
  if (type === SECTION.type) return BLOCK_LIMITS.event;
  return LISTS.has(type) ? BLOCK_LIMITS.list : Infinity;
}

function shortestOf(type: number): number {
  return type === SECTION.type ? BLOCK.overhead + SECTION.length : BLOCK.overhead;
}
