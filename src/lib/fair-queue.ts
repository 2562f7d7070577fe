type Job = () => Promise<void>;

/** How many jobs run and wait at once, in all and of one key. */
export interface FairQueueOptions {
  /** Jobs that wait, over all keys, and of one key. */
  readonly capacity: number;
  readonly capacityOfKey: number;
  /** Jobs that run at once, over all keys, and of one key. */
  readonly parallel: number;
  readonly parallelOfKey: number;
}

interface Lane {
  readonly waiting: Job[];
  running: number;
}

/**
 * Runs jobs some at a time, the keys taking turns: who has many waits for itself and for nobody
 * else. What does not fit is refused and counted. Jobs do not reject.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** In the order of their turns; a key without jobs has no lane. */
  readonly #lanes = new Map<string, Lane>();
  #idlers: (() => void)[] = [];
  #waiting = 0;
  #running = 0;
  #refused = 0;
  #isClosed = false;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  /** Jobs that were refused. */
  get refused(): number {
    return this.#refused;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * False when there is no room, or the queue is closed: the job will not run. `capacityOfKey` is
   * this job's own limit.
   */
  push(key: string, job: Job, capacityOfKey = this.#options.capacityOfKey): boolean {
    const lane = this.#lanes.get(key) ?? { waiting: [], running: 0 };
    const { capacity } = this.#options;
    if (this.#isClosed || this.#waiting >= capacity || lane.waiting.length >= capacityOfKey) {
      this.#refused += 1;
      return false;
    }
    // Whose jobs have all had their turn waits behind those that have not.
    if (lane.waiting.length === 0) this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    lane.waiting.push(job);
    this.#waiting += 1;
    this.#next();
    return true;
  }

  /** Resolves when nothing runs any more, and nothing waits that will still run. */
  idle(): Promise<void> {
    return this.#isIdle ? Promise.resolve() : new Promise((resolve) => this.#idlers.push(resolve));
  }

  /** Starts no further job, and returns how many waited; those that run go on. */
  close(): number {
    this.#isClosed = true;
    const left = this.#waiting;
    this.#waiting = 0;
    for (const lane of this.#lanes.values()) lane.waiting.length = 0;
    this.#wakeIdlers();
    return left;
  }

  get #isIdle(): boolean {
    return this.#running === 0 && this.#waiting === 0;
  }

  #wakeIdlers(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#idlers) resolve();
    this.#idlers = [];
  }

  #next(): void {
    while (this.#running < this.#options.parallel) {
      const turn = this.#turn();
      if (turn === undefined) break;
      const [key, lane] = turn;
      // Behind the others: its next turn comes after theirs.
      this.#lanes.delete(key);
      this.#lanes.set(key, lane);
      const job = lane.waiting.shift();
      if (job !== undefined) this.#run(key, lane, job);
    }
    this.#wakeIdlers();
  }

  #turn(): [string, Lane] | undefined {
    for (const entry of this.#lanes)
      if (entry[1].waiting.length > 0 && entry[1].running < this.#options.parallelOfKey)
        return entry;
    return undefined;
  }

  #run(key: string, lane: Lane, job: Job): void {
    this.#waiting -= 1;
    this.#running += 1;
    lane.running += 1;
    void job().finally(() => {
      this.#running -= 1;
      lane.running -= 1;
      if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
      this.#next();
    });
  }
}
