/**
 * Resolves on SIGINT or SIGTERM, when the time is up, or when `over` resolves; the process then ends within a second, whatever a source
 * or a peer still holds open. Rejects when `over` does.
 */
export function untilStopped(durationMs: number | undefined, over?: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
      resolve();
    };
    // A timer keeps the event loop alive: sources may all be waiting on things that do not.
    const timer = setTimeout(stop, durationMs ?? 0x7fff_ffff);
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    over?.then(stop, reject);
  });
}

const LAST_WORDS_MS = 700;
