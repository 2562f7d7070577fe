/** Alerts that an output will never send: how many so far, and why the last of them. */
export interface LostAlerts {
  readonly output: string;
  readonly target: string;
  readonly count: number;
  readonly reason: string;
}

/** Whose losses they are, and who hears of them. */
export interface LossReportsOptions {
  readonly output: string;
  readonly target: string;
  readonly onProblem: (text: string) => void;
  readonly onLost?: ((lost: LostAlerts) => void) | undefined;
}

/** Tells of one output's losses: at once, then at most once a minute, and when it works again. */
export class LossReports {
  readonly #options: LossReportsOptions;
  #lost = 0;
  /** Why the last of them. */
  #reason = "";
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Some were lost since the output last worked: what said so may be among them. */
  #isNew = false;

  constructor(options: LossReportsOptions) {
    this.#options = options;
  }

  add(reason: string, lines: number): void {
    this.#lost += lines;
    [this.#reason, this.#isNew] = [reason, true];
    const pause = this.#nextAt - Date.now();
    if (pause <= 0) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), pause).unref();
  }

  /** The output works again. */
  recovered(): void {
    if (this.#isNew) this.#tell();
    this.#isNew = false;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextAt = Date.now() + PERIOD_MS;
    const { output, target, onProblem, onLost } = this.#options;
    const [count, reason] = [this.#lost, this.#reason];
    onProblem(`Alerts for ${target} are lost, ${count} so far: ${reason}`);
    onLost?.({ output, target, count, reason });
  }
}

const PERIOD_MS = 60_000;
