import { type Opened, open, type SessionOptions, type Unreachable } from "./connection.ts";

/**
 * Connections that are led to where TLS begins before they are asked for: where a server takes
 * seconds to greet, the waits then run side by side. INVARIANT: what is kept is closed by `close`,
 * and nothing is opened after it.
 */
export class WarmConnections {
  readonly #waiting: Promise<Opened | Unreachable>[] = [];
  readonly #size: number;
  #isClosed = false;

  /** At most so many wait or are being opened. */
  constructor(size: number) {
    this.#size = size;
  }

  /** The one that was begun first, or a new one; others are begun in its place. */
  take(options: SessionOptions): Promise<Opened | Unreachable> {
    const first = this.#waiting.shift() ?? open(options);
    while (!this.#isClosed && this.#waiting.length < this.#size) this.#waiting.push(open(options));
    return first;
  }

  close(): void {
    this.#isClosed = true;
    for (const pending of this.#waiting.splice(0))
      void pending.then((opened) => "close" in opened && opened.close());
  }
}
