import { setTimeout as sleep } from "node:timers/promises";

/** Lets connections begin at most so often, however many targets ask. */
export class ConnectionRate {
  readonly #everyMs: number;
  #next = 0;

  /** `perSecond` may be infinite. */
  constructor(perSecond: number) {
    this.#everyMs = 1000 / perSecond;
  }

  /** Resolves when the next connection may begin; rejects when `signal` is aborted before. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#next);
    this.#next = at + this.#everyMs;
    if (at > now) await sleep(at - now, undefined, { signal });
  }
}
