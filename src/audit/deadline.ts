/**
 * A moment after which work is aborted. `end` releases its timer and its hold on the parent: call
 * it always.
 */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Counts anew, from now on; without effect once it has passed. */
  restart(ms: number): void;
  end(): void;
}

/**
 * Calls back after `ms` milliseconds, but not before what has arrived by then was read: on a busy
 * machine a process may get its turn when the time is over and the answer waits. Gives what takes it
 * back.
 */
export function afterReading(ms: number, callback: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  // Between timers and immediates the event loop reads from its sockets.
  const timer = setTimeout(() => (immediate = setImmediate(callback)), ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/**
 * Aborts after `ms` milliseconds, or as soon as `parent` does. Its timer keeps the process alive
 * until `end`.
 */
export function deadline(ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let cancel = afterReading(ms, abort);
  if (parent?.aborted === true) abort();
  else parent?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    restart(again) {
      cancel();
      cancel = afterReading(again, abort);
    },
    end() {
      cancel();
      parent?.removeEventListener("abort", abort);
    },
  };
}

/**
 * Resolves or rejects as `promise`, or to undefined once the signal is aborted; the promise goes on
 * unwatched then.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
