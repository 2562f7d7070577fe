import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { errnoOf } from "../lib/errno.ts";
import { AppError } from "../lib/errors.ts";
import { LineSplitter } from "./line-splitter.ts";

/** What a look at the file brought. */
export interface NewLines {
  readonly lines: readonly string[];
  /** There may be more at once. */
  readonly isMore: boolean;
}

/**
 * One regular file or FIFO that grows, read from its beginning; it is the same file under whatever
 * name it has later. No call waits: a FIFO may have no writer, or one that is silent.
 */
export class FollowedFile {
  readonly #fd: number;
  readonly #isFifo: boolean;
  readonly #identity: string;
  readonly #splitter = new LineSplitter();
  /** INVARIANT: the last bytes before `#offset`, by which a file that was written anew is known. */
  #read = Buffer.alloc(0);
  #offset = 0;
  #seen = "";

  /**
   * Throws `USAGE_FILE` for what is no file and what may not be read, with the cause's `code` as the
   * system gave it (`ENOENT`).
   */
  constructor(path: string) {
    this.#fd = open(path);
    try {
      const stats = fstatSync(this.#fd);
      this.#isFifo = stats.isFIFO();
      this.#identity = identityOf(stats);
      if (!stats.isFile() && !stats.isFIFO()) throw noFile(path, stats);
    } catch (thrown) {
      closeSync(this.#fd);
      throw thrown;
    }
  }

  /** Lines that were left out because of their length. */
  get tooLong(): number {
    return this.#splitter.tooLong;
  }

  /** Whether these are the facts of this very file. */
  is(stats: Stats): boolean {
    return identityOf(stats) === this.#identity;
  }

  /** Some of what is new. A line that is begun comes with the rest of it. */
  next(): NewLines {
    if (this.#isFifo) return this.#nextOfFifo();
    const { size, mtimeMs } = fstatSync(this.#fd);
    const seen = `${size} ${mtimeMs}`;
    const before = seen === this.#seen || this.#isContinued() ? [] : this.#begin();
    this.#seen = seen;
    const length = readSync(this.#fd, PIECE, 0, PIECE.length, this.#offset);
    this.#offset += length;
    const piece = PIECE.subarray(0, length);
    this.#read = Buffer.concat([this.#read, piece.subarray(-COMPARED_BYTES)]).subarray(
      -COMPARED_BYTES,
    );
    return { lines: [...before, ...this.#splitter.push(piece)], isMore: length === PIECE.length };
  }

  /** Closes the file; the line that is begun is its last. */
  close(): string[] {
    closeSync(this.#fd);
    return this.#splitter.finish();
  }

  #nextOfFifo(): NewLines {
    try {
      const length = readSync(this.#fd, PIECE, 0, PIECE.length, null);
      // Nobody writes now: who comes next begins a line of its own.
      if (length === 0) return { lines: this.#splitter.finish(), isMore: false };
      return { lines: this.#splitter.push(PIECE.subarray(0, length)), isMore: true };
    } catch (thrown) {
      if (errnoOf(thrown) === "EAGAIN") return { lines: [], isMore: false };
      throw thrown;
    }
  }

  /** False when the file was truncated, or truncated and written anew beyond where we were. */
  #isContinued(): boolean {
    const there = Buffer.alloc(this.#read.length);
    const length = readSync(this.#fd, there, 0, there.length, this.#offset - there.length);
    return length === there.length && there.equals(this.#read);
  }

  /** Back to the file's beginning; a line that was begun will not be continued. */
  #begin(): string[] {
    this.#offset = 0;
    this.#read = Buffer.alloc(0);
    return this.#splitter.finish();
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown";
    const hint =
      errno === "EACCES" || errno === "EPERM"
        ? "run as root or as a user who may read it"
        : undefined;
    throw new AppError("USAGE_FILE", `Cannot read "${path}": ${STATES[errno] ?? errno}`, {
      cause,
      hint,
    });
  }
}

const STATES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOTDIR: "a part of its path is no folder",
  ENXIO: "it is a socket",
};

function noFile(path: string, stats: Stats): AppError {
  const what = stats.isDirectory() ? "a folder" : "a device";
  return new AppError("USAGE_FILE", `Cannot read "${path}": it is ${what}`, {
    hint: "name the file that the alerts are written to, such as openport.txt",
  });
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
}

/** INVARIANT: used within one synchronous call only. */
const PIECE = Buffer.alloc(64 << 10);
const COMPARED_BYTES = 64;
