/** The longest line that is kept, in bytes: Falco's longest alerts are some ten kilobytes. */
export const MAX_LINE_BYTES = 1 << 20;

/**
 * Cuts a stream of bytes into lines; empty ones are left out, and so is a line over
 * `MAX_LINE_BYTES`, which is counted. NUL bytes before a line are no part of it: they are the hole
 * that a writer leaves in a file which was truncated under it.
 */
export class LineSplitter {
  /** INVARIANT: a copy of what was pushed, since the caller's memory is used again. */
  #line = Buffer.alloc(USUAL_LINE_BYTES);
  #length = 0;
  #isTooLong = false;
  #tooLong = 0;

  /** Lines that were left out because they are longer than `MAX_LINE_BYTES`. */
  get tooLong(): number {
    return this.#tooLong;
  }

  /** The lines that end in these bytes. */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(...this.finish());
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    return lines;
  }

  /** The last line, if there is one without an end; what comes next begins a new one. */
  finish(): string[] {
    if (this.#isTooLong) this.#tooLong += 1;
    const line = this.#line.toString("utf8", 0, this.#length);
    if (this.#line.length > USUAL_LINE_BYTES) this.#line = Buffer.alloc(USUAL_LINE_BYTES);
    this.#length = 0;
    this.#isTooLong = false;
    return line.trim() === "" ? [] : [line.endsWith("\r") ? line.slice(0, -1) : line];
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isTooLong) return;
    const part = this.#length === 0 ? withoutHole(bytes) : bytes;
    const length = this.#length + part.length;
    this.#isTooLong = length > MAX_LINE_BYTES;
    if (!this.#isTooLong) {
      if (length > this.#line.length)
        this.#line = Buffer.concat([this.#line], Math.max(length, this.#line.length * 2));
      this.#line.set(part, this.#length);
    }
    this.#length = this.#isTooLong ? 0 : length;
  }
}

function withoutHole(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (bytes[start] === 0) start += 1;
  return bytes.subarray(start);
}

const NEWLINE = 0x0a;
const USUAL_LINE_BYTES = 16 << 10;
