/**
 * How many attempts run and wait at once, in all and of one owner, and for how long each is
 * repeated, in milliseconds.
 */
export interface RetryQueueOptions {
  /** Attempts that run at once. */
  readonly parallel: number;
  /** Tasks that wait or run, in all and of one owner: who floods loses first. */
  readonly capacity: number;
  readonly share: number;
  /** Milliseconds for which a task is tried again. */
  readonly patienceMs: number;
}

/** Something that succeeds only when something else has happened. */
export interface RetriedTask {
  /** Tasks of one key are one task. */
  readonly key: string;
  readonly owner: string;
  /**
   * `again` asks for another attempt, unless this was the last one for want of time. Does not
   * reject.
   */
  readonly attempt: (isLast: boolean) => Promise<"done" | "again">;
}

/**
 * Tries tasks again and again, with growing pauses, until they are done or their time is over. A
 * task that waits keeps no other from running. What does not fit is refused and counted.
 */
export class RetryQueue {
  readonly #options: RetryQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #byOwner = new Map<string, number>();
  readonly #ready = new Set<Entry>();
  readonly #idlers: (() => void)[] = [];
  #running = 0;
  #dropped = 0;
  #isClosed = false;

  constructor(options: RetryQueueOptions) {
    this.#options = options;
  }

  /** Tasks that wait or run. */
  get length(): number {
    return this.#entries.size;
  }

  /** Tasks that were refused. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * False when there is no room. A task whose key is here already gets the time of a new one, and
   * another attempt after the present one.
   */
  push(task: RetriedTask): boolean {
    if (this.#isClosed) return false;
    const deadline = performance.now() + this.#options.patienceMs;
    const known = this.#entries.get(task.key);
    if (known !== undefined) {
      known.deadline = deadline;
      known.isAsked = true;
      return true;
    }
    const siblings = this.#byOwner.get(task.owner) ?? 0;
    if (this.#entries.size >= this.#options.capacity || siblings >= this.#options.share) {
      this.#dropped += 1;
      return false;
    }
    const entry: Entry = { task, deadline, pauseMs: FIRST_PAUSE_MS, isAsked: false };
    this.#entries.set(task.key, entry);
    this.#byOwner.set(task.owner, siblings + 1);
    this.#ready.add(entry);
    this.#next();
    return true;
  }

  /** Resolves when nothing waits or runs any more. */
  idle(): Promise<void> {
    return this.#entries.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#idlers.push(resolve));
  }

  /** Starts no further attempt; what waits is forgotten. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#ready.clear();
    this.#entries.clear();
    this.#wakeIdlers();
  }

  #next(): void {
    for (const entry of this.#ready) {
      if (this.#running >= this.#options.parallel) return;
      this.#ready.delete(entry);
      this.#running += 1;
      void this.#attempt(entry).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #attempt(entry: Entry): Promise<void> {
    const isLast = performance.now() >= entry.deadline;
    entry.isAsked = false;
    const result = await entry.task.attempt(isLast);
    if (this.#isClosed) return;
    if (entry.isAsked) entry.pauseMs = FIRST_PAUSE_MS;
    else if (result === "done" || isLast) return this.#remove(entry);
    entry.timer = setTimeout(() => {
      this.#ready.add(entry);
      this.#next();
    }, entry.pauseMs);
    entry.pauseMs = Math.min(entry.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #remove({ task }: Entry): void {
    this.#entries.delete(task.key);
    const left = (this.#byOwner.get(task.owner) ?? 1) - 1;
    if (left === 0) this.#byOwner.delete(task.owner);
    else this.#byOwner.set(task.owner, left);
    this.#wakeIdlers();
  }

  #wakeIdlers(): void {
    if (this.#entries.size === 0) for (const resolve of this.#idlers.splice(0)) resolve();
  }
}

interface Entry {
  readonly task: RetriedTask;
  deadline: number;
  pauseMs: number;
  /** Pushed again since its present attempt began. */
  isAsked: boolean;
  timer?: NodeJS.Timeout;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
