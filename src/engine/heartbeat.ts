import { sharedInterval } from "../lib/shared-interval.ts";
import { startThread } from "../shipped/start-thread.ts";
import type { ServiceNotifier } from "./service-notifier.ts";

/** How long the event thread may be silent, in milliseconds, and who hears of it. */
export interface HeartbeatOptions {
  /** The other thread has ended. */
  readonly onProblem: (text: string) => void;
  /** How long this thread may not run; default 2 seconds. */
  readonly silenceMs?: number;
  /** Gets its signs of life while this thread runs. */
  readonly notifier?: ServiceNotifier | undefined;
}

/** A watch of one thread over another. */
export interface Heartbeat {
  /** A sign of life; only needed by what keeps the event loop from turning for long. Hot. */
  beat(): void;
  /** Times that this thread did not run for too long. */
  readonly silences: number;
  close(): void;
}

/**
 * Has another thread watch over the one that calls, which drains the ring and waits for nobody: when
 * it has not run for `silenceMs` a line on standard error says so and what it waits for. Keeps
 * nobody alive. Takes a thread, some 16 MB.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { silenceMs = SILENCE_MS, notifier, onProblem } = options;
  const shared = new Int32Array(new SharedArrayBuffer(SHARED.length * 4));
  const worker = startThread("engine/heartbeat-thread", {
    name: "saker-heartbeat",
    execArgv: [],
    workerData: { shared, silenceMs, pid: process.pid } satisfies HeartbeatData,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  });
  worker.on("error", ({ message }) =>
    onProblem(`Nobody watches over the thread that reads events any more: ${message}`),
  );
  worker.unref();
  const beat = (): void => void Atomics.add(shared, SHARED.beats, 1);
  const pause = Math.min(silenceMs, notifier?.watchdogMs ?? silenceMs) / 2;
  const beats = sharedInterval(() => {
    beat();
    notifier?.alive();
  }, pause);
  return {
    beat,
    get silences() {
      return Atomics.load(shared, SHARED.silences);
    },
    close: () => {
      beats.close();
      void worker.terminate();
    },
  };
}

/** What the two threads share: places of an Int32Array. */
export const SHARED = { beats: 0, silences: 1, unchanged: 2, length: 3 } as const;

/** What the thread that listens for the heartbeat is started with. */
export interface HeartbeatData {
  readonly shared: Int32Array;
  readonly silenceMs: number;
  readonly pid: number;
}

const SILENCE_MS = 2000;
