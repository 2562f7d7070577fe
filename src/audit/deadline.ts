/**
 * A moment after which work is aborted. `end` releases its timer and its hold on the parent: call
 * it always.
 */
export interface Deadline {
  readonly signal: AbortSignal;
  end(): void;
}

/**
 * Aborts after `ms` milliseconds, or as soon as `parent` does. Its timer keeps the process alive
 * until `end`.
 */
export function deadline(ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, ms);
  if (parent?.aborted === true) abort();
  else parent?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
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
