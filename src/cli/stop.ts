/** Resolves on SIGINT or SIGTERM, or when the time is up. A second signal ends the process at once. */
export function untilStopped(durationMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      resolve();
    };
    // A timer keeps the event loop alive: sources may all be waiting on things that do not.
    const timer = setTimeout(stop, durationMs ?? 0x7fff_ffff);
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}
