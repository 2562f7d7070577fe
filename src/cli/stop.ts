/** Resolves on SIGINT or SIGTERM, from now on; by itself it keeps nothing alive. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

/**
 * Resolves when `signal` does, when the time is up, or when `over` resolves; the process then ends within a second, whatever a source
 * or a peer still holds open. Rejects when `over` does.
 */
export async function untilStopped(signal: Promise<void>, durationMs: number | undefined, over?: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // A timer keeps the event loop alive: sources may all be waiting on things that do not.
  const timeUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, durationMs ?? 0x7fff_ffff)));
  try {
    await Promise.race([signal, timeUp, ...(over === undefined ? [] : [over])]);
  } finally {
    clearTimeout(timer);
  }
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
}

const LAST_WORDS_MS = 700;
