/** Limits of a queue: lines, and bytes of their UTF-8. */
export interface QueueLimits {
  readonly lines: number;
  readonly bytes: number;
}

interface Line {
  readonly text: string;
  readonly bytes: number;
}

/**
 * Lines that wait, bounded in number and bytes: where one more does not fit, the oldest go. What
 * `take` returned counts as waiting until `settle` says that it does not.
 */
export class LineQueue {
  readonly #limits: QueueLimits;
  #lines: Line[] = [];
  #head = 0;
  #bytes = 0;
  #taken: Line[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#taken.length + this.#lines.length - this.#head;
  }

  /** Adds a line; returns how many were dropped for it, itself included when it is too large. */
  push(text: string): number {
    const bytes = Buffer.byteLength(text);
    let dropped = 0;
    while (!this.#fits(bytes)) {
      dropped += 1;
      if (!this.#dropOldest()) return dropped;
    }
    this.#lines.push({ text, bytes });
    this.#bytes += bytes;
    return dropped;
  }

  /** The oldest lines that are not settled, up to the limits and at least one; none when empty. */
  take(limits: QueueLimits): readonly string[] {
    let bytes = 0;
    if (this.#taken.length === 0)
      while (this.#head < this.#lines.length && this.#taken.length < limits.lines) {
        const line = this.#lines[this.#head] as Line;
        bytes += line.bytes;
        if (bytes > limits.bytes && this.#taken.length > 0) break;
        this.#taken.push(line);
        this.#head += 1;
      }
    this.#compact();
    return this.#taken.map(({ text }) => text);
  }

  /** The first `count` of the taken lines are done with. */
  settle(count: number): void {
    for (const { bytes } of this.#taken.splice(0, count)) this.#bytes -= bytes;
  }

  /** Forgets all and returns how many there were. */
  clear(): number {
    const { length } = this;
    [this.#lines, this.#taken, this.#head, this.#bytes] = [[], [], 0, 0];
    return length;
  }

  #fits(bytes: number): boolean {
    return this.length < this.#limits.lines && this.#bytes + bytes <= this.#limits.bytes;
  }

  /** Of those that were not taken; false when there is none. */
  #dropOldest(): boolean {
    const oldest = this.#lines[this.#head];
    if (oldest === undefined) return false;
    this.#head += 1;
    this.#bytes -= oldest.bytes;
    this.#compact();
    return true;
  }

  #compact(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#head);
    this.#head = 0;
  }
}
