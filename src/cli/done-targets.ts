import { fstatSync, ftruncateSync, readFileSync, writeSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import { openToWrite } from "../untrusted/open-to-write.ts";

/**
 * Which targets a run has done already, in a file: a line each, added as soon as its report is
 * written, so a run that was ended goes on where it was.
 */
export class DoneTargets {
  readonly #fd: number;
  readonly #done: Set<string>;

  /** Throws `USAGE_RESUME` for a file that cannot be read and written. */
  constructor(path: string) {
    try {
      this.#fd = openToWrite(path, { appends: true });
      if (!fstatSync(this.#fd).isFile()) throw new Error("it is no file");
      const bytes = readFileSync(`/proc/self/fd/${this.#fd}`);
      // A last line without its end was not written whole.
      const whole = bytes.lastIndexOf(0x0a) + 1;
      if (whole < bytes.length) ftruncateSync(this.#fd, whole);
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
    const bytes = Buffer.from(`${label}\n`);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
  }
}
