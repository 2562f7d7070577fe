import { escapeUnseen } from "../lib/escape-unseen.ts";

/** Bytes that are gathered before they are written. */
const CHUNK = 64 * 1024;

/** Many lines on standard output, written some at a time; what no eye sees is written out. */
export class LineOutput {
  #text = "";

  write(line: string): void {
    this.#text += `${escapeUnseen(line)}\n`;
    if (this.#text.length >= CHUNK) this.flush();
  }

  flush(): void {
    if (this.#text !== "") process.stdout.write(this.#text);
    this.#text = "";
  }
}
