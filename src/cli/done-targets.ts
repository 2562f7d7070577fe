import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";

/**
 * Which targets a run has done already, in a file: a line each, added as soon as its report is
 * written, so a run that was ended goes on where it was.
 */
export class DoneTargets {
  readonly #path: string;
  readonly #done: Set<string>;

  /** Throws `USAGE_RESUME` for a file that cannot be read. */
  constructor(path: string) {
    this.#path = path;
    try {
      const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
      // A last line without its end was not written whole.
      const whole = bytes.lastIndexOf(0x0a) + 1;
      if (whole < bytes.length) truncateSync(path, whole);
      this.#done = new Set(bytes.subarray(0, whole).toString("utf8").split("\n").slice(0, -1));
    } catch (thrown) {
      throw new AppError("USAGE_RESUME", `Cannot resume from "${path}": ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  get count(): number {
    return this.#done.size;
  }

  has(label: string): boolean {
    return this.#done.has(label);
  }

  /** Throws what writing throws. */
  add(label: string): void {
    appendFileSync(this.#path, `${label}\n`);
  }
}
