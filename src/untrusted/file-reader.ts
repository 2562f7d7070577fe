import type { Worker } from "node:worker_threads";
import { messageOf } from "../lib/errors.ts";
import { libc } from "../libc/libc.ts";
import { type NativeThread, startNativeThread } from "../libc/native-thread.ts";
import type { Answer, AnswerMessage, Asked, RequestKind } from "./requests.ts";

/** How long a file may take, in milliseconds, and who hears of those that take longer. */
export interface FileReaderOptions {
  /** A thread hangs, there are no further ones, or they are back: a line each. */
  readonly onProblem: (text: string) => void;
  /** How long a request may take once it was begun; default 2 seconds. */
  readonly deadlineMs?: number;
}

/** Files that were not read in time, and those that were not even tried. */
export interface FileReaderStats {
  /** Requests that were begun and not answered in time. */
  readonly hung: number;
  /** Requests that were not even begun: too many waited, or the same hangs already. */
  readonly refused: number;
  /** Threads that have not come back so far. */
  readonly hungThreads: number;
}

interface Pending {
  readonly id: number;
  readonly kind: RequestKind;
  readonly asked: unknown;
  readonly about: string;
  readonly settle: (answer: unknown) => void;
}

/**
 * Reads files that others choose in a thread of its own, one request at a time. Who asks waits for
 * a promise, never for a file. A thread that does not come back is left behind and another one
 * takes its place, MAX_HUNG times; after that nothing is read until one of them is back. A thread
 * takes 16 MB: it ends when nobody has asked for a minute.
 */
export class FileReader {
  readonly #options: FileReaderOptions;
  readonly #waiting: Pending[] = [];
  /** With what they do not come back from. */
  readonly #hungThreads = new Map<Worker, string>();
  #thread: ReaderThread | undefined;
  #current: Pending | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #lastId = 0;
  #hung = 0;
  #refused = 0;
  #failures = 0;
  #idle: NodeJS.Timeout | undefined;
  /** There is to be no thread: closed, or too many have not come back. */
  #isOver = false;
  #isClosed = false;

  constructor(options: FileReaderOptions) {
    this.#options = options;
  }

  /**
   * Never rejects; undefined when it was not answered in time, or could not be asked, and once the
   * reader is closed. `about` says what is read, for whom: a line's words, and who may hang but once
   * at a time.
   */
  ask<Kind extends RequestKind>(
    kind: Kind,
    asked: Asked<Kind>,
    about: string,
  ): Promise<Answer<Kind> | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    // Nobody costs a second thread before the first is back.
    const isHung = this.#hungThreads.values().some((other) => other === about);
    if (this.#isOver || isHung || this.#waiting.length >= MAX_WAITING) {
      this.#refused += 1;
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      this.#lastId = (this.#lastId + 1) & 0x7fff_ffff;
      // INVARIANT: the thread answers a request with what REQUESTS gives for its kind.
      const settle = (answer: unknown): void => resolve(answer as Answer<Kind> | undefined);
      this.#waiting.push({ id: this.#lastId, kind, asked, about, settle });
      this.#next();
    });
  }

  stats(): FileReaderStats {
    return { hung: this.#hung, refused: this.#refused, hungThreads: this.#hungThreads.size };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What is still asked or waits is answered with nothing, and counted nowhere: nobody needs it. */
  close(): void {
    this.#isOver = this.#isClosed = true;
    clearTimeout(this.#deadline);
    this.#end();
    this.#settleAll();
  }

  #start(): ReaderThread {
    const progress = new Int32Array(new SharedArrayBuffer(8));
    const thread = startNativeThread("untrusted/reader-thread", progress, {
      name: "saker-files",
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 4 },
    });
    const { worker } = thread;
    worker.on("message", (message: AnswerMessage) => this.#answered(worker, message));
    worker.on("error", (thrown) => this.#failed(worker, thrown.message));
    // Behind the listeners: each of them would hold the process again.
    worker.unref();
    return { ...thread, progress };
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#thread?.end();
    this.#thread = undefined;
  }

  #next(): void {
    if (this.#current !== undefined || this.#isOver) return;
    clearTimeout(this.#idle);
    const request = this.#waiting.shift();
    if (request === undefined) {
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
      return;
    }
    this.#current = request;
    try {
      this.#thread ??= this.#start();
    } catch (thrown) {
      // No memory, or no further threads.
      this.#ended(messageOf(thrown));
      return;
    }
    const { id, kind, asked } = request;
    this.#thread.worker.postMessage({ id, kind, asked });
    this.#watch(request, PATIENT_TURNS);
  }

  /** A thread that has not begun is not hung: the machine has much to do. */
  #watch(request: Pending, turns: number): void {
    const { deadlineMs = DEADLINE_MS } = this.#options;
    this.#deadline = setTimeout(() => {
      const { progress } = this.#thread as ReaderThread;
      const [begun, done] = [Atomics.load(progress, 0), Atomics.load(progress, 1)];
      if (turns > 0 && (begun !== request.id || done === request.id))
        this.#watch(request, turns - 1);
      else this.#replaceHung(request);
    }, deadlineMs).unref();
  }

  #answered(worker: Worker, { id, answer }: AnswerMessage): void {
    if (worker !== this.#thread?.worker) return this.#cameBack(worker);
    const request = this.#current;
    if (request?.id !== id) return;
    clearTimeout(this.#deadline);
    this.#current = undefined;
    this.#failures = 0;
    request.settle(answer);
    this.#next();
  }

  #replaceHung(request: Pending): void {
    const { deadlineMs = DEADLINE_MS, onProblem } = this.#options;
    const { worker } = this.#thread as ReaderThread;
    // exit(3) waits for all threads.
    if (this.#hung === 0) process.once("exit", (code) => void libc._exit(code));
    this.#hung += 1;
    this.#hungThreads.set(worker, request.about);
    const isLast = this.#hungThreads.size >= MAX_HUNG;
    onProblem(
      `Cannot read ${request.about}: no answer for ${deadlineMs / 1000} s. ${isLast ? `${MAX_HUNG} threads wait so: no further files of containers are read until one of them is back` : "Another thread reads on"}`,
    );
    this.#replace(isLast);
  }

  #failed(worker: Worker, message: string): void {
    if (worker !== this.#thread?.worker) this.#cameBack(worker);
    else this.#ended(message);
  }

  /** By itself: too little memory, or a fault of ours. */
  #ended(message: string): void {
    this.#failures += 1;
    const isLast = this.#failures >= MAX_FAILURES;
    if (this.#failures === 1 || isLast)
      this.#options.onProblem(
        `The thread that reads files of containers has ended: ${message}${isLast ? "; there is no other one" : ""}`,
      );
    this.#replace(isLast);
  }

  /** The request that it did not answer is answered with nothing. */
  #replace(isLast: boolean): void {
    clearTimeout(this.#deadline);
    const request = this.#current;
    this.#current = undefined;
    this.#thread = undefined;
    this.#isOver = isLast;
    request?.settle(undefined);
    if (isLast) this.#refused += this.#settleAll();
    else this.#next();
  }

  /** With nothing; how many there were. */
  #settleAll(): number {
    const pending = [...(this.#current === undefined ? [] : [this.#current]), ...this.#waiting];
    this.#current = undefined;
    this.#waiting.length = 0;
    for (const { settle } of pending) settle(undefined);
    return pending.length;
  }

  #cameBack(worker: Worker): void {
    void worker.terminate();
    const wereTooMany = this.#hungThreads.size >= MAX_HUNG;
    if (!this.#hungThreads.delete(worker) || !wereTooMany || this.#isClosed) return;
    this.#isOver = false;
    this.#options.onProblem("Files of containers are read again");
  }
}

interface ReaderThread extends NativeThread {
  readonly progress: Int32Array;
}

const DEADLINE_MS = 2000;
/** So many deadlines a thread may take to begin. */
const PATIENT_TURNS = 15;
const IDLE_MS = 60_000;
const MAX_HUNG = 4;
const MAX_FAILURES = 5;
const MAX_WAITING = 4096;
