import { fstatSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { errnoOf } from "../lib/errno.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { RepeatedReports } from "../lib/repeated-reports.ts";
import { FollowedFile } from "./_followed-file.ts";
import { LineSplitter } from "./line-splitter.ts";

/** Who gets the lines of a file, and when it is read more slowly. */
export interface LineSourceOptions {
  /** What it throws is reported, and costs this line alone. */
  readonly onLine: (line: string) => void;
  readonly onProblem: (text: string) => void;
  /** While true, a file is not read on: its lines wait where they are. A stream is not kept waiting. */
  readonly isBusy?: () => boolean;
}

/**
 * Lines of text as they are written: of a file that is followed, or of a stream. A file is followed
 * through truncation and rotation: the old one is read on until its writer has left it. Nothing
 * that is wrong with the file or with a line ends it.
 */
export class LineSource {
  readonly #options: LineSourceOptions;
  readonly #problems: RepeatedReports;
  #file: FollowedFile | undefined;
  /** Files that were at the path before, oldest first, with the time of their last line. */
  #before: { readonly file: FollowedFile; quietSince: number }[] = [];
  #state = "";
  #timer: NodeJS.Timeout | undefined;
  #input: NodeJS.ReadableStream | undefined;
  #isClosed = false;
  #tooLong = 0;

  constructor(options: LineSourceOptions) {
    this.#options = options;
    this.#problems = new RepeatedReports(options.onProblem);
  }

  /** Lines that were left out because of their length. */
  get tooLong(): number {
    return this.#tooLong;
  }

  /**
   * Follows a file, or a FIFO, from its beginning until `close()`. False when it is not there yet:
   * it is read when it comes into being. Throws `USAGE_FILE` for a folder, a device, a socket, and
   * for what may not be read.
   */
  follow(path: string): boolean {
    this.#file = openIfThere(path);
    void this.#run(path);
    return this.#file !== undefined;
  }

  /**
   * Reads a stream to its end or until `close()`, such as standard input behind Falco's
   * program_output. Throws `USAGE_FILE` when it cannot be read.
   */
  async read(input: NodeJS.ReadableStream): Promise<void> {
    this.#input = input;
    refuseFolder(input);
    const splitter = new LineSplitter();
    try {
      for await (const chunk of input) {
        this.#pass(splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
        this.#reportTooLong(splitter.tooLong);
        if (this.#isClosed) return;
      }
    } catch (cause) {
      if (this.#isClosed) return;
      throw new AppError("USAGE_FILE", `Cannot read standard input: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#pass(splitter.finish());
    this.#reportTooLong(splitter.tooLong);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const file of [this.#file, ...this.#before.map(({ file }) => file)]) file?.close();
    (this.#input as { destroy?: () => void } | undefined)?.destroy?.();
  }

  async #run(path: string): Promise<void> {
    while (!this.#isClosed) {
      let isMore = false;
      try {
        isMore = this.#options.isBusy?.() !== true && this.#look(path);
        this.#state = "";
      } catch (thrown) {
        this.#reportState(messageOf(thrown));
      }
      // Other work gets its turn between two pieces, however much there is to read.
      if (isMore) await turn();
      else await new Promise<void>((resolve) => (this.#timer = setTimeout(resolve, POLL_MS)));
    }
  }

  /** One piece of each file; true when there is more. */
  #look(path: string): boolean {
    let isMore = false;
    for (const before of this.#before) {
      const found = this.#next(before.file);
      if (found.count > 0) before.quietSince = performance.now();
      isMore ||= found.isMore;
      if (!found.isMore && performance.now() - before.quietSince > LEFT_AFTER_MS)
        this.#leave(before.file);
    }
    this.#file ??= openIfThere(path);
    if (this.#file === undefined) return isMore;
    const found = this.#next(this.#file);
    return found.isMore || this.#isRotated(path, this.#file) || isMore;
  }

  /** Takes up the file that has come in this one's place. */
  #isRotated(path: string, file: FollowedFile): boolean {
    if (this.#isClosed) return false;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || file.is(stats)) return false;
    const next = openIfThere(path);
    if (next === undefined) return false;
    // Its writer may not know yet, and go on for a while.
    this.#before.push({ file, quietSince: performance.now() });
    this.#file = next;
    const [oldest] = this.#before;
    if (this.#before.length > MAX_BEFORE && oldest !== undefined) this.#leave(oldest.file);
    return true;
  }

  #leave(file: FollowedFile): void {
    this.#before = this.#before.filter((before) => before.file !== file);
    this.#pass(file.close());
  }

  #next(file: FollowedFile): { readonly count: number; readonly isMore: boolean } {
    const before = file.tooLong;
    const { lines, isMore } = file.next();
    this.#pass(lines);
    this.#reportTooLong(this.#tooLong + file.tooLong - before);
    return { count: lines.length, isMore };
  }

  #pass(lines: readonly string[]): void {
    for (const line of lines) {
      if (this.#isClosed) return;
      try {
        this.#options.onLine(line);
      } catch (thrown) {
        this.#problems.report("line", `Cannot use a line: ${messageOf(thrown)}`);
      }
    }
  }

  #reportTooLong(count: number): void {
    for (; this.#tooLong < count; this.#tooLong += 1)
      this.#problems.report("long", "Cannot use a line: it is longer than 1 MiB");
  }

  /** Once for as long as it lasts. */
  #reportState(text: string): void {
    if (this.#state === text || this.#isClosed) return;
    this.#state = text;
    this.#problems.report("file", text);
  }
}

/** Node takes a folder for a stream that is over. */
function refuseFolder(input: NodeJS.ReadableStream & { readonly fd?: unknown }): void {
  if (typeof input.fd !== "number" || !fstatSync(input.fd).isDirectory()) return;
  throw new AppError("USAGE_FILE", "Cannot read standard input: it is a folder", {
    hint: "name the file that the alerts are written to, such as openport.txt",
  });
}

/** Undefined when there is no such file. */
function openIfThere(path: string): FollowedFile | undefined {
  try {
    return new FollowedFile(path);
  } catch (thrown) {
    if (thrown instanceof AppError && errnoOf(thrown.cause) === "ENOENT") return undefined;
    throw thrown;
  }
}

const POLL_MS = 100;
/** How long a file that was moved away must be quiet before it is left. */
const LEFT_AFTER_MS = 10_000;
/** The most files that were moved away and are still read. */
const MAX_BEFORE = 4;
