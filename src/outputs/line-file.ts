import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { BoundedQueue } from "../lib/bounded-queue.ts";
import { messageOf } from "../lib/errors.ts";

export interface LineFileOptions {
  /** The most lines that wait for a disk; what comes then is dropped and counted. */
  readonly capacity?: number;
  /** Told once when writing begins to fail, and once when it works again. */
  readonly onProblem: (message: string) => void;
}

const RETRY_MS = 1000;

/**
 * Appends whole lines to a file of mode 0640. A file that was moved away or deleted (log rotation)
 * is opened anew; while the disk is full, lines wait in a bounded queue and nothing half-written
 * stays in the file.
 */
export class LineFile {
  readonly path: string;
  readonly #options: LineFileOptions;
  readonly #queue: BoundedQueue<string>;
  #fd: number | undefined;
  #unwritten: string[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(path: string, options: LineFileOptions) {
    this.path = path;
    this.#options = options;
    this.#queue = new BoundedQueue(options.capacity ?? 10_000);
  }

  /** Lines that were given up since the start. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Lines that are not on the disk yet. */
  get waiting(): number {
    return this.#queue.length + this.#unwritten.length;
  }

  /** Queues one line, given without its end. */
  write(line: string): void {
    this.#queue.push(line);
    if (this.#scheduled === undefined && this.#retry === undefined)
      this.#scheduled = setImmediate(() => this.#flush());
  }

  /** Writes what can be written and closes the file. */
  close(): void {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#retry);
    this.#flush();
    clearTimeout(this.#retry);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    this.#scheduled = undefined;
    this.#retry = undefined;
    for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift())
      this.#unwritten.push(line);
    try {
      const fd = this.#open();
      while (this.#unwritten.length > 0) {
        // One write a batch of lines: cheap, and short enough to be undone whole.
        const batch = this.#unwritten.slice(0, 256);
        appendWhole(fd, Buffer.from(`${batch.join("\n")}\n`));
        this.#unwritten = this.#unwritten.slice(batch.length);
      }
      this.#report(undefined);
    } catch (thrown) {
      this.#report(messageOf(thrown));
      this.#giveBack();
      this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
      this.#retry.unref();
    }
  }

  /** Keeps the queue's bound true while the disk fails: the newest lines are dropped. */
  #giveBack(): void {
    const waiting = this.#unwritten;
    this.#unwritten = [];
    for (const line of waiting) this.#queue.push(line);
  }

  #open(): number {
    if (this.#fd !== undefined && !isMoved(this.path, this.#fd)) return this.#fd;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o750 });
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    this.#fd = openSync(this.path, flags, 0o640);
    return this.#fd;
  }

  #report(problem: string | undefined): void {
    const isFailing = problem !== undefined;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    this.#options.onProblem(
      isFailing
        ? `Cannot write "${this.path}": ${problem}; lines wait (${this.#queue.capacity} at the most)`
        : `Writing "${this.path}" works again`,
    );
  }
}

/** Writes all bytes or none: what a full disk cut off is taken back. */
function appendWhole(fd: number, bytes: Uint8Array): void {
  const before = fstatSync(fd);
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written);
  } catch (thrown) {
    if (written > 0 && before.isFile()) ftruncateSync(fd, before.size);
    throw thrown;
  }
}

function isMoved(path: string, fd: number): boolean {
  try {
    return statSync(path).ino !== fstatSync(fd).ino;
  } catch {
    return true;
  }
}
