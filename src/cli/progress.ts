import { styleText } from "node:util";
import { escaped } from "../reports/escaped.ts";

const EVERY_MS = 100;
const WIDTH = 24;

/** A bar on a terminal's standard error; nothing elsewhere, nor for what has no length. */
export class Progress {
  readonly #size: number;
  #shownAt = 0;
  #isShown = false;

  /** `size` is what there is to do in all, in any unit; 0 when that is not known. */
  constructor(size: number) {
    this.#size = process.stderr.isTTY ? size : 0;
  }

  /** So much is done; `text` stands behind the bar. */
  update(done: number, text: () => string): void {
    const now = performance.now();
    if (this.#size === 0 || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    const share = Math.min(1, done / this.#size);
    const full = Math.round(share * WIDTH);
    const bar =
      styleText("cyan", "━".repeat(full), { stream: process.stderr }) +
      styleText("dim", "━".repeat(WIDTH - full), { stream: process.stderr });
    process.stderr.write(
      `\r\u001b[K${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${escaped(text())}`,
    );
  }

  /** Takes the bar away: before another line is printed, and at the end. */
  clear(): void {
    if (this.#isShown) process.stderr.write("\r\u001b[K");
    this.#isShown = false;
  }
}
