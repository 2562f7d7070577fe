/** Resolves on SIGINT or SIGTERM, or when the time is up. A second signal ends the process at once. */
export function untilStopped(durationMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      // Whatever a source or a peer still holds open, the process ends: its last words are written long before.
      setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
      resolve();
    };
    // A timer keeps the event loop alive: sources may all be waiting on things that do not.
    const timer = setTimeout(stop, durationMs ?? 0x7fff_ffff);
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}

const LAST_WORDS_MS = 700;
