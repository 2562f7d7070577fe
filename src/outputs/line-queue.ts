import type { Alert } from "../alerts/alert.ts";
import type { OutboxPlace } from "./outbox.ts";

/** Limits of a queue: lines, and bytes of their UTF-8. */
export interface QueueLimits {
  readonly lines: number;
  readonly bytes: number;
}

/** Who and what a line is about. */
export interface LineSubject {
  /** A container's id, or anybody. */
  readonly source: string;
  /** What a digest says of it; left out of what is no alert. */
  readonly alert?: DigestedAlert | undefined;
}

/** What is left of an alert in a digest. */
export type DigestedAlert = Pick<Alert, "rule" | "priority" | "hostname">;

interface Line {
  readonly text: string;
  readonly bytes: number;
  readonly subject: LineSubject;
  /** Where it stands in the outbox; undefined: nowhere. */
  readonly place: OutboxPlace | undefined;
}

/**
 * Lines that wait, bounded in number and bytes: where one more does not fit, the oldest go of the
 * source that has most there, so that who floods takes nobody else's room. What `take` returned
 * counts as waiting until `settle` says that it does not.
 */
export class LineQueue {
  readonly #limits: QueueLimits;
  /** With holes where lines were dropped. */
  #lines: (Line | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #waiting = 0;
  #taken: Line[] = [];
  /** Lines of each source that wait and are not taken. */
  readonly #bySource = new Map<string, number>();

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#taken.length + this.#waiting;
  }

  /** Of the lines' UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a line; returns how many were dropped for it, itself included when it is too large. */
  push(text: string, subject: LineSubject = ANYBODY, place?: OutboxPlace): number {
    const bytes = Buffer.byteLength(text);
    let dropped = 0;
    while (!this.fits(bytes)) {
      dropped += 1;
      if (!this.#dropOne()) return dropped;
    }
    this.#add({ text, bytes, subject, place });
    return dropped;
  }

  /** Whether there is room for a line without another one going. */
  fits(bytes: number): boolean {
    return this.length < this.#limits.lines && this.#bytes + bytes <= this.#limits.bytes;
  }

  /** Takes over all lines of another queue; none of them is dropped. */
  append(other: LineQueue): void {
    for (const line of other.#all()) this.#add(line);
    other.clear();
  }

  #add(line: Line): void {
    this.#lines.push(line);
    this.#bytes += line.bytes;
    this.#count(line.subject.source, 1);
  }

  #all(): readonly Line[] {
    const waiting = this.#lines.slice(this.#head).filter((line) => line !== undefined);
    return [...this.#taken, ...waiting];
  }

  /** The oldest lines that are not settled, up to the limits and at least one; none when empty. */
  take(limits: QueueLimits): readonly string[] {
    let bytes = 0;
    if (this.#taken.length === 0)
      while (this.#head < this.#lines.length && this.#taken.length < limits.lines) {
        const line = this.#lines[this.#head];
        bytes += line?.bytes ?? 0;
        if (bytes > limits.bytes && this.#taken.length > 0) break;
        this.#head += 1;
        if (line === undefined) continue;
        this.#taken.push(line);
        this.#count(line.subject.source, -1);
      }
    this.#compact();
    return this.#taken.map(({ text }) => text);
  }

  /** What the taken lines are about. */
  get subjects(): readonly LineSubject[] {
    return this.#taken.map(({ subject }) => subject);
  }

  /** The first `count` of the taken lines are done with. Returns the place of the last that has one. */
  settle(count: number): OutboxPlace | undefined {
    let last: OutboxPlace | undefined;
    for (const { bytes, place } of this.#taken.splice(0, count)) {
      this.#bytes -= bytes;
      last = place ?? last;
    }
    return last;
  }

  /** Forgets all and returns how many there were, with a place in the outbox and without. */
  clear(): { readonly kept: number; readonly unkept: number } {
    const { length } = this;
    const kept = this.#all().filter(({ place }) => place !== undefined).length;
    [this.#lines, this.#taken, this.#head, this.#bytes] = [[], [], 0, 0];
    this.#waiting = 0;
    this.#bySource.clear();
    return { kept, unkept: length - kept };
  }

  /** Of those that were not taken; false when there is none. */
  #dropOne(): boolean {
    const source = this.#heaviest();
    let at = this.#head;
    while (at < this.#lines.length && this.#lines[at]?.subject.source !== source) at += 1;
    const line = this.#lines[at];
    if (line === undefined) return false;
    this.#lines[at] = undefined;
    this.#bytes -= line.bytes;
    this.#count(line.subject.source, -1);
    while (this.#head < this.#lines.length && this.#lines[this.#head] === undefined)
      this.#head += 1;
    this.#compact();
    return true;
  }

  #heaviest(): string | undefined {
    let [most, heaviest] = [0, undefined as string | undefined];
    for (const [source, lines] of this.#bySource)
      if (lines > most) [most, heaviest] = [lines, source];
    return heaviest;
  }

  #count(source: string, change: 1 | -1): void {
    const lines = (this.#bySource.get(source) ?? 0) + change;
    this.#waiting += change;
    if (lines === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, lines);
  }

  /** A thousand at once, so that neither this nor the search for a line to drop costs much. */
  #compact(): void {
    if (this.#lines.length - this.#waiting <= GONE_MAX) return;
    this.#lines = this.#lines.slice(this.#head).filter((line) => line !== undefined);
    this.#head = 0;
  }
}

const ANYBODY: LineSubject = { source: "" };
const GONE_MAX = 1024;
