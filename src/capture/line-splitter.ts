/** The longest line that is kept, in bytes: Falco's longest alerts are some ten kilobytes. */
export const MAX_LINE_BYTES = 1 << 20;

/**
 * Cuts a stream of bytes into lines. A line over `MAX_LINE_BYTES` is passed on cut, and the rest of
 * it is skipped.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #parts: Uint8Array[] = [];
  #length = 0;
  #isSkipping = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
  }

  /** Passes on a last line that has no end, for sources that are over. */
  finish(): void {
    this.#emit();
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0 || this.#isSkipping) return;
    const room = MAX_LINE_BYTES - this.#length;
    // A copy: the caller's buffer is reused.
    this.#parts.push(part.slice(0, room));
    this.#length += Math.min(part.length, room);
    if (part.length > room) this.#isSkipping = true;
  }

  #emit(): void {
    const line = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#length = 0;
    this.#isSkipping = false;
    if (line.trim() !== "") this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}

const NEWLINE = 0x0a;
