import { AppError } from "../lib/errors.ts";
import { ALL_EVENT_TYPES } from "./all-event-types.ts";
import {
  type Conversion,
  conversionOf,
  CONVERTED_BELOW,
  isDropped,
  type Origin,
} from "./conversions.ts";
import { Event } from "./event.ts";
import { SCAP_HEADER } from "./record.ts";

/**
 * What one step made of an event: "done" is today's, "again" a later version that is not yet;
 * "swallowed" and "dropped" give nothing.
 */
export type Step =
  | { readonly outcome: "done" | "again"; readonly record: Uint8Array }
  /** An enter event, kept for its exit. */
  | { readonly outcome: "swallowed" }
  /** An event of a type that nothing took the place of. */
  | { readonly outcome: "dropped" };

/**
 * False when an event of this code with so many parameters is today's, or unknown: it need not be
 * converted. Hot: every event of a capture is asked.
 */
export function needsConversion(code: number, count: number): boolean {
  return count < (CONVERTED_BELOW[code] ?? 0);
}

/**
 * Brings events of earlier schemas to today's shape. Enter events are kept, one for each thread,
 * until the exit takes their parameters; at most `MAX_THREADS` of them and `MAX_STORED_BYTES`,
 * beyond which the oldest go and are counted in `evicted`.
 */
export class EventConverter {
  readonly #enters = new Map<number, Uint8Array>();
  #storedBytes = 0;
  #evicted = 0;
  readonly #event = new Event();
  readonly #enter = new Event();
  // Two, since a step reads the one that the step before wrote.
  readonly #buffers = [new Uint8Array(MAX_LENGTH), new Uint8Array(MAX_LENGTH)] as const;
  #turn: 0 | 1 = 0;

  /** Enter events that were given up for lack of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /**
   * One raw scap event (header, lengths, parameters) in today's shape: the same bytes when it has
   * it, else bytes of the converter's own that live until the next call. Undefined when there is
   * nothing to show: an enter event, a type that is no more. Events of unknown codes are given back
   * as they are. Throws `INPUT_EVENT` when the event is malformed, `INPUT_EVENT_LENGTH` when it is
   * or would become longer than 65536 bytes.
   */
  convert(record: Uint8Array): Uint8Array | undefined {
    let step = this.step(record);
    while (step.outcome === "again") step = this.step(step.record);
    return step.outcome === "done" ? step.record : undefined;
  }

  /** The same, one version on. */
  step(record: Uint8Array): Step {
    const event = this.#event;
    load(event, record);
    if (!needsConversion(event.code, event.count)) return { outcome: "done", record };
    if (isDropped(event.code)) return { outcome: "dropped" };
    const conversion = conversionOf(event.code, event.count);
    if (conversion === undefined) {
      throw new AppError(
        "INPUT_EVENT",
        `Cannot convert event "${nameOf(event.code)}" (${event.code}): no version of it has ${event.count} parameters`,
      );
    }
    checkLength(event.code, record.length);
    if (conversion.kind === "show") return { outcome: "done", record };
    if (conversion.kind === "rewrite") return this.#rewrite(conversion);
    this.#store(event.tid, record);
    return conversion.isShown ? { outcome: "done", record } : { outcome: "swallowed" };
  }

  /** The enter event that is kept for a thread. */
  stored(tid: number): Uint8Array | undefined {
    return this.#enters.get(tid);
  }

  #rewrite({ to, params }: Extract<Conversion, { kind: "rewrite" }>): Step {
    const event = this.#event;
    const enter = params.some((param) => param.enter >= 0) ? this.#enterOf(event) : undefined;
    const output = this.#nextBuffer();
    const view = new DataView(output.buffer);
    const width = to.flags.includes("LARGE_PAYLOAD") ? 4 : 2;
    let at = SCAP_HEADER.end + width * params.length;
    for (const [index, origin] of params.entries()) {
      const bytes = bytesOf(origin, event, enter);
      checkLength(event.code, at + bytes.length);
      const lengthAt = SCAP_HEADER.end + width * index;
      if (width === 4) view.setUint32(lengthAt, bytes.length, true);
      else view.setUint16(lengthAt, bytes.length, true);
      output.set(bytes, at);
      at += bytes.length;
    }
    output.set(event.record.subarray(0, SCAP_HEADER.length));
    view.setUint32(SCAP_HEADER.length, at, true);
    view.setUint16(SCAP_HEADER.type, to.code, true);
    view.setUint32(SCAP_HEADER.count, params.length, true);
    if (enter !== undefined) this.#forget(event.tid);
    return {
      outcome: needsConversion(to.code, params.length) ? "again" : "done",
      record: output.subarray(0, at),
    };
  }

  /**
   * The enter event of an exit; one of another type belongs to a call whose exit the capture lost.
   */
  #enterOf(exit: Event): Event | undefined {
    const bytes = this.#enters.get(exit.tid);
    if (bytes === undefined) return undefined;
    load(this.#enter, bytes);
    return this.#enter.code === exit.code - 1 ? this.#enter : undefined;
  }

  #store(tid: number, record: Uint8Array): void {
    // A thread is in one call at a time: an enter event that is still there lost its exit.
    this.#forget(tid);
    this.#enters.set(tid, record.slice());
    this.#storedBytes += record.length;
    for (const oldest of this.#enters.keys()) {
      if (this.#enters.size <= MAX_THREADS && this.#storedBytes <= MAX_STORED_BYTES) return;
      this.#forget(oldest);
      this.#evicted += 1;
    }
  }

  #forget(tid: number): void {
    this.#storedBytes -= this.#enters.get(tid)?.length ?? 0;
    this.#enters.delete(tid);
  }

  #nextBuffer(): Uint8Array<ArrayBuffer> {
    this.#turn = this.#turn === 0 ? 1 : 0;
    return this.#buffers[this.#turn];
  }
}

/** scap's own limit of an event that is converted, header included. */
const MAX_LENGTH = 65_536;

/** Threads whose enter events are kept: more than a host of 4 million pids has in calls at once. */
const MAX_THREADS = 65_536;
const MAX_STORED_BYTES = 16 * 1024 * 1024;

function load(event: Event, record: Uint8Array): void {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (!event.load(record, view, 0, record.length, false))
    throw new AppError(
      "INPUT_EVENT",
      `Cannot read event: its lengths do not fit its ${record.length} bytes`,
    );
}

function checkLength(code: number, length: number): void {
  if (length <= MAX_LENGTH) return;
  throw new AppError(
    "INPUT_EVENT_LENGTH",
    `Cannot convert event "${nameOf(code)}" (${code}): converted event length would exceed ${MAX_LENGTH} bytes`,
  );
}

function bytesOf(
  { event: own, enter: entered, most, absent, build }: Origin,
  event: Event,
  enter: Event | undefined,
): Uint8Array {
  if (build !== undefined) return build(event);
  const [from, index] = own >= 0 ? [event, own] : [enter, entered];
  if (from === undefined || index < 0 || index >= from.count) return absent;
  const bytes = from.slice(index);
  return bytes.length > most ? bytes.subarray(0, most) : bytes;
}

function nameOf(code: number): string {
  return ALL_EVENT_TYPES[code]?.name ?? "unknown";
}
