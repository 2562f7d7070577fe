import { BoundedQueue } from "../lib/bounded-queue.ts";

type Job = () => Promise<void>;

/** Runs jobs some at a time; what does not fit is refused and counted. Jobs do not reject. */
export class AuditQueue {
  readonly #waiting: BoundedQueue<Job>;
  readonly #parallel: number;
  readonly #idlers: (() => void)[] = [];
  #running = 0;
  #isClosed = false;

  constructor({ capacity, parallel }: { readonly capacity: number; readonly parallel: number }) {
    this.#waiting = new BoundedQueue(capacity);
    this.#parallel = parallel;
  }

  get dropped(): number {
    return this.#waiting.dropped;
  }

  /** False when the queue is full or closed: the job will not run. */
  push(job: Job): boolean {
    if (this.#isClosed || !this.#waiting.push(job)) return false;
    this.#next();
    return true;
  }

  /** Resolves when nothing runs any more, and nothing waits that will still run. */
  idle(): Promise<void> {
    return this.#isIdle ? Promise.resolve() : new Promise((resolve) => this.#idlers.push(resolve));
  }

  /** Starts no further job; those that run go on. */
  close(): void {
    this.#isClosed = true;
    this.#wakeIdlers();
  }

  get #isIdle(): boolean {
    return this.#running === 0 && (this.#isClosed || this.#waiting.length === 0);
  }

  #wakeIdlers(): void {
    if (this.#isIdle) for (const resolve of this.#idlers.splice(0)) resolve();
  }

  #next(): void {
    while (this.#running < this.#parallel && !this.#isClosed) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      this.#running += 1;
      void job().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
    this.#wakeIdlers();
  }
}
