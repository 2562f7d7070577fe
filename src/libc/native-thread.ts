import { type Worker, workerData, type WorkerOptions } from "node:worker_threads";
import { startThread, type ThreadName } from "../shipped/start-thread.ts";
import { libc } from "./libc.ts";

/**
 * A thread that calls the C library by `libc.ts`, and what ends it. Node ends a thread wherever it
 * is; one that is just loading koffi takes the whole process with it, for a native call that fails
 * there is fatal. So nobody ends it before it has loaded: neither who started it nor the process's
 * own exit.
 */
export interface NativeThread {
  readonly worker: Worker;
  end(): void;
}

/** Starts one of Saker's threads, or a module as one; it gets `data` by `nativeThreadData()`. */
export function startNativeThread(
  thread: ThreadName | URL,
  data: unknown,
  options: Omit<WorkerOptions, "workerData"> = {},
): NativeThread {
  const loaded = new Int32Array(new SharedArrayBuffer(4));
  const worker = startThread(thread, { ...options, workerData: { loaded, data } satisfies Handed });
  if (!process.listeners("exit").includes(waitForLoading)) process.on("exit", waitForLoading);
  LOADING.add(loaded);
  const isLoaded = async (): Promise<void> => {
    await Atomics.waitAsync(loaded, 0, 0).value;
    LOADING.delete(loaded);
  };
  const whenLoaded = isLoaded();
  // One that failed to load is gone as well.
  worker.once("exit", () => LOADING.delete(loaded));
  return { worker, end: () => void whenLoaded.then(() => worker.terminate()) };
}

/** What the thread was given, asked for once, when all its modules are there. */
export function nativeThreadData(): unknown {
  const { loaded, data } = workerData as Handed;
  Atomics.store(loaded, 0, 1);
  Atomics.notify(loaded, 0);
  return data;
}

interface Handed {
  readonly loaded: Int32Array;
  readonly data: unknown;
}

const LOADING = new Set<Int32Array>();
const LOAD_MS = 5000;

function waitForLoading(code: number): void {
  for (const loaded of LOADING)
    if (Atomics.wait(loaded, 0, 0, LOAD_MS) === "timed-out") libc._exit(code);
}
