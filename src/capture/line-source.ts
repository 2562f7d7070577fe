import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { LineSplitter } from "./line-splitter.ts";

const POLL_MS = 100;

/** Lines of text as they are written: of a file that is followed, or of a stream. */
export class LineSource {
  readonly #splitter: LineSplitter;
  #timer: NodeJS.Timeout | undefined;
  #input: NodeJS.ReadableStream | undefined;
  #file: { readonly fd: number; readonly inode: number; offset: number } | undefined;

  constructor(onLine: (line: string) => void) {
    this.#splitter = new LineSplitter(onLine);
  }

  /**
   * Follows a file from its beginning, through rotation and truncation; it may come into being
   * later. Until `close()`.
   */
  follow(path: string): void {
    const tick = (): void => {
      this.#readNew(path);
      this.#timer = setTimeout(tick, POLL_MS);
    };
    tick();
  }

  /** Reads a stream to its end, such as standard input behind Falco's program_output. */
  async read(input: NodeJS.ReadableStream): Promise<void> {
    this.#input = input;
    for await (const chunk of input)
      this.#splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    this.#splitter.finish();
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
    (this.#input as { destroy?: () => void } | undefined)?.destroy?.();
  }

  #readNew(path: string): void {
    try {
      if (this.#file === undefined) this.#open(path);
      this.#drain();
      // Only after the old file is read to its end is a rotated one left.
      if (this.#file !== undefined && statSync(path).ino !== this.#file.inode) {
        closeSync(this.#file.fd);
        this.#file = undefined;
        this.#open(path);
        this.#drain();
      }
    } catch {
      // Not there yet, or between two files: the next tick looks again.
    }
  }

  #open(path: string): void {
    const fd = openSync(path, "r");
    this.#file = { fd, inode: fstatSync(fd).ino, offset: 0 };
  }

  #drain(): void {
    const file = this.#file;
    if (file === undefined) return;
    if (fstatSync(file.fd).size < file.offset) file.offset = 0;
    const buffer = Buffer.alloc(64 * 1024);
    for (let length = readSync(file.fd, buffer, 0, buffer.length, file.offset); length > 0;) {
      file.offset += length;
      this.#splitter.push(buffer.subarray(0, length));
      length = readSync(file.fd, buffer, 0, buffer.length, file.offset);
    }
  }
}
