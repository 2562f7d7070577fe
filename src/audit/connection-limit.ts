/**
 * A connect-to-answer time this many times the quickest one means that connections wait for each
 * other.
 */
const STALL_FACTOR = 4;
const STALL_FLOOR_MS = 150;

/**
 * How many connections to one target are open at once: one at first, more while answers stay quick,
 * for servers that serve one connection at a time (openssl s_server) stall behind a second one.
 */
export class ConnectionLimit {
  #most: number;
  readonly #waiting: (() => void)[] = [];
  /** INVARIANT: counts those inside and those that were just let in. */
  #active = 0;
  #limit = 1;
  #quickestMs = Number.POSITIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  /** No connection is open, and none is about to be. */
  get isIdle(): boolean {
    return this.#active === 0;
  }

  /** Waits for its turn; `leave` has to follow. */
  async enter(): Promise<void> {
    if (this.#active < this.#limit) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    this.#active -= 1;
    this.#letIn();
  }

  /** One at a time, until answers are quick again. */
  narrow(): void {
    this.#limit = 1;
  }

  /** One at a time from now on, whatever answers show. */
  keepToOne(): void {
    this.#most = 1;
    this.#limit = 1;
  }

  /** So many at once, though no answer has shown yet that the server bears it. */
  widen(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.#letIn();
  }

  /** Learns from the milliseconds that an answer took from connecting on. */
  learn(ms: number): void {
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    if (ms > STALL_FLOOR_MS && ms > this.#quickestMs * STALL_FACTOR)
      this.#limit = Math.max(1, this.#limit >> 1);
    else this.#limit = Math.min(this.#most, this.#limit + 1);
  }

  #letIn(): void {
    while (this.#active < this.#limit && this.#waiting.length > 0) {
      this.#active += 1;
      this.#waiting.shift()?.();
    }
  }
}
