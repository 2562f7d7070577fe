import { AppError } from "../lib/errors.ts";

/**
 * Stands before a peer that may hang: after three calls in a row that failed nobody asks it for a
 * while, so that nobody waits; then one call tries whether it is back.
 */
export class CircuitBreaker {
  readonly #name: string;
  readonly #now: () => number;
  #failures = 0;
  #openUntil = 0;
  #isTrying = false;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(name: string, now: () => number) {
    this.#name = name;
    this.#now = now;
  }

  /** The peer is known to be there again. */
  close(): void {
    this.#failures = 0;
  }

  /** True for the call that tries whether the peer is back. */
  get isTrial(): boolean {
    return this.#isTrying;
  }

  /** True while calls are refused. */
  get isOpen(): boolean {
    return this.#failures >= FAILURES_MAX && (this.#isTrying || this.#now() < this.#openUntil);
  }

  /**
   * Throws `PEER_PAUSED` instead of calling while it is open. An error for which `isAnswer` is true
   * shows that the peer is there.
   */
  async call<T>(ask: () => Promise<T>, isAnswer: (error: unknown) => boolean): Promise<T> {
    if (this.isOpen)
      throw new AppError("PEER_PAUSED", `Cannot ask ${this.#name}: it did not answer lately`);
    this.#isTrying = this.#failures >= FAILURES_MAX;
    try {
      const result = await ask();
      this.#failures = 0;
      return result;
    } catch (error) {
      if (isAnswer(error)) this.#failures = 0;
      else this.#failed();
      throw error;
    } finally {
      this.#isTrying = false;
    }
  }

  #failed(): void {
    this.#failures += 1;
    this.#openUntil = this.#now() + PAUSE_MS;
  }
}

const FAILURES_MAX = 3;
const PAUSE_MS = 5000;
