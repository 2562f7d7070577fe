import { libc } from "../libc/libc.ts";
import { type NativeThread, startNativeThread } from "../libc/native-thread.ts";
import { hostPath } from "../lib/host-root.ts";
import { RepeatedReports } from "../lib/repeated-reports.ts";
import type { KeptEvents } from "./kept-events.ts";
import type { MatchFileLimits, MatchFileOrder, MatchFileReport } from "./match-file-writer.ts";

/** The files' limits, and who hears what becomes of them. */
export interface MatchFilesOptions {
  readonly limits: MatchFileLimits;
  /** A file was begun: a line for the user. */
  readonly onBegun: (text: string) => void;
  /** Something was not captured: a line, the first, second, fourth … of its kind. */
  readonly onProblem: (text: string) => void;
  /** A file has as many bytes as one may have. */
  readonly onLimit: (path: string) => void;
  /** The file that was begun last takes no further events, without being asked to end. */
  readonly onEnded: () => void;
}

/** A file to begin. */
export interface MatchFile {
  readonly path: string;
  /** The rule that matched. */
  readonly rule: string;
  /** Events that make the state and are not shown. */
  readonly states: readonly Uint8Array[];
}

/**
 * Capture files, written one after the other by a thread of its own: nothing here waits for a disk
 * or for /proc. After a file that could not be written there is none for ten seconds.
 */
export class MatchFiles {
  readonly #options: MatchFilesOptions;
  readonly #problems: RepeatedReports;
  /** Begun and not ended, by number, with the rule of each. */
  readonly #open = new Map<number, string>();
  #thread: NativeThread | undefined;
  #lastId = 0;
  #waitingBytes = 0;
  #pausedUntil = 0;
  #notCaptured = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: MatchFilesOptions) {
    this.#options = options;
    this.#problems = new RepeatedReports(options.onProblem);
  }

  /** Bytes of events that the thread is not done with. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Files that were asked for and are not there, or not whole; files that lack events. */
  stats(): { readonly notCaptured: number; readonly cut: number } {
    return { notCaptured: this.#notCaptured, cut: this.#problems.count("cut") };
  }

  /** Starts the thread, so that the first file need not wait for it. */
  prepare(): void {
    this.#thread ??= this.#start();
  }

  /** False when there is none to be: the thread is behind, or the last one failed just now. */
  begin({ path, rule, states }: MatchFile): boolean {
    if (performance.now() < this.#pausedUntil) {
      this.#notCaptured += 1;
      return false;
    }
    if (this.#open.size >= OPEN_MAX) {
      this.#notCaptured += 1;
      const text = `${rule}: not captured, ${OPEN_MAX} files are still being written`;
      this.#problems.report("behind", text);
      return false;
    }
    this.#lastId += 1;
    this.#open.set(this.#lastId, rule);
    this.#order({ kind: "begin", id: this.#lastId, path, states });
    return true;
  }

  /** Events of the file that was begun last. Their memory is given away. */
  events(events: KeptEvents): void {
    if (events.isCut) {
      const text =
        "a capture lacks events: capture.memory_mb is too small for what happens around a match";
      this.#problems.report("cut", text);
    }
    if (events.pieces.length === 0) return;
    this.#waitingBytes += bytesOf(events);
    const memory = events.pieces.map(({ bytes }) => bytes.buffer);
    this.#order({ kind: "events", events }, memory);
  }

  end(): void {
    this.#order({ kind: "end" });
  }

  /** Resolves when all files are written, or within two seconds. */
  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    if (this.#open.size > 0) {
      thread.worker.ref();
      const { promise: isIdle, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      const timer = setTimeout(() => {
        this.#problems.report("end", "a capture is not whole: its disk does not answer");
        // exit(3) waits for all threads, and this one may never come back.
        process.once("exit", (code) => void libc._exit(code));
        resolve();
      }, CLOSE_MS);
      await isIdle;
      clearTimeout(timer);
    }
    this.#thread = undefined;
    thread.end();
  }

  #order(order: MatchFileOrder, memory: ArrayBuffer[] = []): void {
    this.prepare();
    this.#thread?.worker.postMessage(order, memory);
  }

  #start(): NativeThread {
    const data = { limits: this.#options.limits, hostRoot: hostPath("") };
    const thread = startNativeThread("capture/match-file-thread", data);
    const { worker } = thread;
    worker.unref();
    worker.on("message", (report: MatchFileReport) => this.#reported(report));
    worker.on("error", (error) => this.#died(thread, error));
    return thread;
  }

  #reported(report: MatchFileReport): void {
    if (report.kind === "taken") {
      this.#waitingBytes -= report.bytes;
      return;
    }
    const rule = this.#open.get(report.id) ?? "";
    if (report.kind === "begun") {
      this.#options.onBegun(`${rule}: capturing events to ${report.path}`);
      return;
    }
    this.#open.delete(report.id);
    if (report.why === "failed" || report.why === "refused") this.#pause(report);
    if (report.why === "limit") this.#options.onLimit(report.path);
    if (report.why !== "end" && report.id === this.#lastId) this.#options.onEnded();
    if (this.#open.size === 0) this.#onIdle?.();
  }

  #pause({ why, text = "" }: { readonly why: string; readonly text?: string }): void {
    this.#notCaptured += 1;
    this.#pausedUntil = performance.now() + PAUSE_MS;
    this.#problems.report(why, text);
  }

  /** It ended by itself: too little memory, or a fault of ours. */
  #died(thread: NativeThread, error: Error): void {
    if (thread !== this.#thread) return;
    this.#thread = undefined;
    this.#waitingBytes = 0;
    this.#open.clear();
    this.#pause({
      why: "died",
      text: `The thread that writes captures has ended: ${error.message}`,
    });
    this.#options.onEnded();
    this.#onIdle?.();
  }
}

function bytesOf({ pieces }: KeptEvents): number {
  return pieces.reduce((sum, { used }) => sum + used, 0);
}

/** Files that may wait for the thread. */
const OPEN_MAX = 4;
const PAUSE_MS = 10_000;
const CLOSE_MS = 2000;
