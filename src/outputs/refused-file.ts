import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import { messageOf } from "../lib/errors.ts";

/** Its name in the report folder. */
export const REFUSED_FILE = "refused.jsonl";

/** Lines that an output's other side will never take, and what it said. */
export interface RefusedLines {
  readonly output: string;
  readonly target: string;
  readonly reason: string;
  readonly lines: readonly string[];
}

/** Where they are kept, and who hears that they cannot be. */
export interface RefusedFileOptions {
  readonly path: string;
  readonly onProblem: (text: string) => void;
  /** The most bytes of the file, 4 MiB by default; then it is moved to `PATH.1`, the one there goes. */
  readonly maxBytes?: number;
}

/**
 * What was refused for good, for people to look at: a JSON object a line with `time`, `output`,
 * `target`, `reason` and `line`. It is no log: what comes faster than the disk takes it is left out, with
 * a line of its own that says how many.
 */
export class RefusedFile {
  readonly #options: RefusedFileOptions;
  #waiting: string[] = [];
  #leftOut = 0;
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: RefusedFileOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  keep({ lines, ...about }: RefusedLines): void {
    const time = new Date().toISOString();
    for (const line of lines)
      if (this.#waiting.length >= WAITING_MAX) this.#leftOut += 1;
      else this.#waiting.push(JSON.stringify({ time, ...about, line }));
    this.#writing ??= this.#write();
  }

  /** All that waits is written, as far as it can be. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      if (this.#leftOut > 0) lines.push(JSON.stringify({ leftOut: this.#leftOut }));
      [this.#waiting, this.#leftOut] = [[], 0];
      try {
        await this.#append(`${lines.join("\n")}\n`);
      } catch (thrown) {
        this.#fail(messageOf(thrown));
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    const { path, maxBytes = MAX_BYTES } = this.#options;
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
    const flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY;
    const file = await open(path, flags, 0o640);
    let size: number;
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new Error("it is not a file");
      await file.appendFile(text);
      size = stats.size + Buffer.byteLength(text);
    } finally {
      await file.close();
    }
    if (size >= maxBytes) await rename(path, `${path}.1`);
  }

  #fail(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const { path, onProblem } = this.#options;
    onProblem(`Cannot keep what outputs refuse in ${JSON.stringify(path)}: ${reason}`);
  }
}

const MAX_BYTES = 4 << 20;
const WAITING_MAX = 1000;
