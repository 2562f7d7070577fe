import { createHash } from "node:crypto";
import { messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { type Answer, type Destination, isFailure, settledOf } from "./destination.ts";
import { DeliveryQueue, subjectOf } from "./delivery-queue.ts";
import { Digest } from "./digest.ts";
import { type LostAlerts, LossReports } from "./loss-reports.ts";
import type { Output, OutputCounts } from "./output.ts";
import { Refusals } from "./refusals.ts";
import type { RefusedFile } from "./refused-file.ts";
import type { Outbox, OutboxDoor } from "./outbox.ts";

/** Limits of a delivery; times in milliseconds. */
export interface DeliveryOptions {
  /** The most lines that wait, 10,000 by default; over it the oldest of the container with most go. */
  readonly capacity?: number | undefined;
  /** The most bytes that wait; by default 32 MiB, or 1 KiB a line where that is more. */
  readonly maxBytes?: number | undefined;
  /** An output that takes longer for a batch is reported (Falco's output_timeout), 2 s. */
  readonly slowMs?: number | undefined;
  /** A batch that takes longer is aborted and counts as failed, 30 s by default. */
  readonly abortMs?: number | undefined;
  /** The first pause after a failure, 250 ms by default; it doubles up to 30 s. */
  readonly firstPauseMs?: number | undefined;
  /** Keeps what has no room, and over the end, for a destination that has an `outbox`. */
  readonly outbox?: Outbox | undefined;
  /** Gets what is refused for good. */
  readonly refused?: RefusedFile | undefined;
  readonly onProblem: (text: string) => void;
  readonly onNote: (text: string) => void;
  /** Alerts are lost: at most once a minute, and when the destination works again. */
  readonly onLost?: ((lost: LostAlerts) => void) | undefined;
}

const NO_REASON = "no reason was given";
const [CAPACITY, MAX_BYTES] = [10_000, 32 << 20];
const LINE_BYTES = 1024;
const [SLOW_MS, ABORT_MS] = [2000, 30_000];
const [FIRST_PAUSE_MS, LAST_PAUSE_MS] = [250, 30_000];
/** The longest that the other side may ask for. */
const MAX_WAIT_MS = 3_600_000;
const CLOSE_MS = 2000;
/** Until the store is asked again for what it has not written yet. */
const STORE_PAUSE_MS = 500;
/** How long an aborted destination may take to settle. */
const GRACE_MS = 500;
/** So much is counted over an output's limit at once. */
const DIGEST_PAGE = { lines: 1000, bytes: 1 << 20 };

/**
 * Brings a destination its lines: a bounded queue, batches in order, one at a time, tried again
 * with growing pauses, and a count for each line. Nothing that the destination throws gets out.
 */
export class Delivery implements Output {
  readonly name: string;
  readonly target: string;
  readonly #destination: Destination;
  readonly #options: DeliveryOptions;
  readonly #queue: DeliveryQueue;
  readonly #door: OutboxDoor | undefined;
  /** What is over the output's limit. */
  readonly #digest: Digest | undefined;
  #digestTimer: NodeJS.Timeout | undefined;
  readonly #losses: LossReports;
  readonly #refusals: Refusals;
  readonly #dropped = new Map<string, number>();
  #delivered = 0;
  #duplicates = 0;
  #digested = 0;
  #problem: string | undefined;
  #isSlow = false;
  #pauseMs: number;
  #running: Promise<void> | undefined;
  #endPause: (() => void) | undefined;
  #abort: AbortController | undefined;
  /** Lines that the store has for the next start. */
  #kept = 0;
  /** Why nothing is taken any more. */
  #ended: string | undefined;
  #isClosing = false;
  #closed: Promise<OutputCounts> | undefined;

  constructor(destination: Destination, options: DeliveryOptions) {
    this.name = destination.name;
    this.target = destination.target;
    this.#destination = destination;
    this.#options = options;
    this.#pauseMs = options.firstPauseMs ?? FIRST_PAUSE_MS;
    const told = { ...options, output: this.name, target: this.target };
    this.#losses = new LossReports(told);
    this.#refusals = new Refusals(told);
    const limits = {
      lines: options.capacity ?? CAPACITY,
      bytes: options.maxBytes ?? Math.max(MAX_BYTES, (options.capacity ?? 0) * LINE_BYTES),
    };
    this.#queue = new DeliveryQueue({
      limits,
      format: (news) => this.#format(news),
      onDropped: (reason, count) => this.#drop(reason, count),
    });
    this.#digest = destination.limit && new Digest(destination.limit);
    this.#door = this.#openDoor();
    if (this.#door === undefined) return;
    this.#queue.use(this.#door);
    this.#running = this.#run();
  }

  #openDoor(): OutboxDoor | undefined {
    const { outbox: wish, name } = this.#destination;
    if (wish === undefined) return undefined;
    const { kinds, priority } = wish;
    const place = createHash("sha256").update(wish.place).digest("hex").slice(0, 16);
    return this.#options.outbox?.openReader(
      { output: `${name} ${place}`, kinds, priority },
      { place: () => this.#queue.write(), onLost: (count) => this.#queue.lose(count) },
    );
  }

  /** Reports at the start what would fail with the first line; a dead disk holds nobody. */
  async check(): Promise<void> {
    const { slowMs = SLOW_MS } = this.#options;
    if (!(await within(slowMs, this.#check()))) this.#reportSlow(slowMs);
  }

  async #check(): Promise<void> {
    try {
      const problem = await this.#destination.check?.();
      if (problem !== undefined) this.#fail(problem);
    } catch (thrown) {
      this.#fail(messageOf(thrown));
    }
  }

  take(news: News): void {
    const line = this.#format(news);
    if (line !== undefined && this.#ended !== undefined)
      return count(this.#dropped, this.#ended, 1);
    this.#queue.see(news.sequence);
    if (line === undefined) return;
    this.#queue.push(line, subjectOf(news));
    this.#running ??= this.#run();
  }

  reopen(): void {
    this.#destination.reopen?.();
    this.#endPause?.();
  }

  counts(): OutputCounts {
    return {
      delivered: this.#delivered,
      waiting: this.#ended === undefined ? this.#queue.length + this.#undigested : this.#kept,
      duplicates: this.#duplicates,
      digested: this.#digested,
      refused: this.#refusals.counts(),
      dropped: Object.fromEntries(this.#dropped),
    };
  }

  close(limitMs = CLOSE_MS): Promise<OutputCounts> {
    return (this.#closed ??= this.#close(limitMs));
  }

  async #close(limitMs: number): Promise<OutputCounts> {
    this.#isClosing = true;
    this.#endPause?.();
    if (this.#undigested > 0) this.#running ??= this.#run();
    if (!(await within(limitMs, this.#running))) {
      this.#abort?.abort();
      await within(GRACE_MS, this.#running);
    }
    this.#losses.close();
    clearTimeout(this.#digestTimer);
    this.#end(this.#problem ?? `${this.target} was too slow`);
    this.#door?.close();
    await within(
      GRACE_MS,
      this.#destination.close().catch(() => {}),
    );
    await within(GRACE_MS, this.#options.refused?.close());
    return this.counts();
  }

  async #run(): Promise<void> {
    // What comes in this turn of the loop makes one batch.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      if (!(await this.#queue.refill()) && !this.#isClosing) {
        await this.#pause(STORE_PAUSE_MS);
        continue;
      }
      if (this.#digestPage()) continue;
      const digest = this.#dueDigest();
      const lines = digest === undefined ? this.#take() : [digest];
      if (lines.length === 0 || this.#ended !== undefined) break;
      const answer = await this.#deliver(lines);
      if (digest === undefined) this.#settle(answer, lines);
      else this.#settleDigest(answer, digest);
      const settled = settledOf(answer);
      if (settled >= lines.length || this.#ended !== undefined) continue;
      if (settled > 0) continue;
      if (this.#isClosing) break;
      await this.#pause(Math.max(this.#nextPause(), Math.min(answer.waitMs ?? 0, MAX_WAIT_MS)));
    }
    this.#running = undefined;
    this.#awaitDigest();
  }

  /** What may go one by one now. */
  #take(): readonly string[] {
    const { lines, bytes } = this.#destination.batch;
    const room = this.#digest?.room(performance.now()) ?? lines;
    return this.#queue.take({ lines: Math.min(lines, room), bytes });
  }

  /** Counts what memory has over the limit. False when nothing is, or the digest is due. */
  #digestPage(): boolean {
    const digest = this.#digest;
    const now = performance.now();
    if (digest === undefined || digest.room(now) > 0 || digest.waitMs(now) === 0) return false;
    const { length } = this.#queue.take(DIGEST_PAGE);
    if (length === 0) return false;
    // Until the digest has arrived they are not answered.
    this.#queue.hold();
    digest.add(this.#queue.subjects.map(({ alert }) => alert));
    this.#queue.settle(length);
    return true;
  }

  /** The digest's line at the period's end, or at the end of all. */
  #dueDigest(): string | undefined {
    const waitMs = this.#digest?.waitMs(performance.now());
    if (waitMs === undefined || (waitMs > 0 && !this.#isClosing)) return undefined;
    const line = this.#digest && this.#format(this.#digest.news());
    if (line === undefined) this.#drop("no digest can be made of them", this.#endDigest());
    return line;
  }

  #awaitDigest(): void {
    const waitMs = this.#digest?.waitMs(performance.now());
    if (waitMs === undefined || this.#isClosing || this.#ended !== undefined) return;
    clearTimeout(this.#digestTimer);
    this.#digestTimer = setTimeout(() => (this.#running ??= this.#run()), waitMs).unref();
  }

  get #undigested(): number {
    return this.#digest?.length ?? 0;
  }

  /** Returns for how many alerts it stood. */
  #endDigest(): number {
    const { length } = this.#digest ?? { length: 0 };
    this.#digest?.clear();
    this.#queue.release();
    return length;
  }

  async #deliver(lines: readonly string[]): Promise<Answer> {
    const abort = (this.#abort = new AbortController());
    const { slowMs = SLOW_MS, abortMs = ABORT_MS } = this.#options;
    const slow = setTimeout(() => this.#reportSlow(slowMs), slowMs);
    const limit = setTimeout(() => abort.abort(), abortMs);
    try {
      return await this.#destination.deliver(lines, abort.signal);
    } catch (thrown) {
      return { delivered: 0, reason: messageOf(thrown) };
    } finally {
      clearTimeout(slow);
      clearTimeout(limit);
    }
  }

  #settle(answer: Answer, lines: readonly string[]): void {
    const { delivered, duplicates = 0, refused = 0, reason = NO_REASON } = answer;
    // After the end its lines are counted already.
    if (this.#ended !== undefined) return;
    this.#delivered += delivered;
    this.#duplicates += duplicates;
    this.#queue.settle(settledOf(answer));
    this.#digest?.sent(settledOf(answer), performance.now());
    if (refused > 0) {
      const first = delivered + duplicates;
      this.#refusals.add(reason, refused, lines.slice(first, first + refused));
    }
    this.#judge(answer, lines.length);
  }

  /** As `#settle`, of one line that stands for many. */
  #settleDigest(answer: Answer, line: string): void {
    const { refused = 0, reason = NO_REASON } = answer;
    if (this.#ended !== undefined) return;
    const alerts = settledOf(answer) > 0 ? this.#endDigest() : 0;
    if (refused > 0) this.#refusals.add(reason, alerts, [line]);
    else this.#digested += alerts;
    this.#judge(answer, 1);
  }

  #judge(answer: Answer, offered: number): void {
    const { delivered, reason = NO_REASON } = answer;
    if (answer.isGone) this.#leave(reason);
    else if (isFailure(answer, offered)) this.#fail(reason);
    else if (delivered > 0) this.#succeed();
  }

  #format(news: News): string | undefined {
    try {
      return this.#destination.format(news);
    } catch (thrown) {
      this.#refusals.add(messageOf(thrown), 1);
      return undefined;
    }
  }

  #drop(reason: string, lines: number): void {
    count(this.#dropped, reason, lines);
    this.#losses.add(reason, lines);
  }

  /** The destination fails: reported when it begins. */
  #fail(reason: string): void {
    if (this.#problem === undefined)
      this.#options.onProblem(`Cannot write to ${this.target}: ${reason}; ${this.#waitText()}`);
    this.#problem = reason;
  }

  #succeed(): void {
    if (this.#problem !== undefined || this.#isSlow) {
      this.#options.onNote(`Writing to ${this.target} works again`);
      this.#losses.recovered();
    }
    [this.#problem, this.#isSlow] = [undefined, false];
    this.#pauseMs = this.#options.firstPauseMs ?? FIRST_PAUSE_MS;
  }

  #reportSlow(slowMs: number): void {
    if (this.#isSlow || this.#problem !== undefined) return;
    this.#isSlow = true;
    this.#options.onProblem(
      `${this.target} has not taken an alert for ${slowMs} ms; ${this.#waitText()}`,
    );
  }

  #waitText(): string {
    if (this.#queue.isKept) return "alerts wait in the store";
    return `alerts wait, ${this.#options.capacity ?? CAPACITY} at the most`;
  }

  #leave(reason: string): void {
    this.#options.onProblem(`Writing to ${this.target} ends: ${reason}; the watch goes on`);
    this.#end(reason);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    const { isKept } = this.#queue;
    const { kept, lost } = this.#queue.end();
    const undigested = this.#undigested;
    this.#digest?.clear();
    this.#kept += kept + (isKept ? undigested : 0);
    const gone = lost + (isKept ? 0 : undigested);
    if (gone > 0) count(this.#dropped, reason, gone);
  }

  #nextPause(): number {
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(pause * 2, LAST_PAUSE_MS);
    return pause;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
  }
}

function count(counts: Map<string, number>, reason: string, lines: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + lines);
}

/** True when the promise settled in time. */
async function within(ms: number, promise: Promise<void> | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = (promise ?? Promise.resolve()).then(() => true);
  const result = await Promise.race([done, late]);
  clearTimeout(timer);
  return result;
}
