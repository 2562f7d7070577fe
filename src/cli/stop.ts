import { closeSync, openSync } from "node:fs";

/** Resolves on SIGINT or SIGTERM, from now on; by itself it keeps nothing alive. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

/**
 * Resolves when `signal` does, when the time is up, or when `over` resolves. Gives what `over` gave,
 * if that was first. Rejects when `over` does.
 */
export async function untilStopped<T = void>(
  signal: Promise<void>,
  durationMs: number | undefined,
  over?: Promise<T>,
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  // A timer keeps the event loop alive: sources may all be waiting on things that do not.
  const timeUp = new Promise<void>(
    (resolve) => (timer = setTimeout(resolve, durationMs ?? 0x7fff_ffff)),
  );
  try {
    const first = await Promise.race([signal, timeUp, ...(over === undefined ? [] : [over])]);
    return first ?? undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the process within a second, whatever a source or a peer still holds open. */
export function endSoon(): void {
  setTimeout(() => void end(), LAST_WORDS_MS).unref();
}

const LAST_WORDS_MS = 700;

/**
 * exit(3) waits for libuv's threads, and one of them may be asking a name server that does not
 * answer for ten seconds or more.
 */
async function end(): Promise<void> {
  if (process.getActiveResourcesInfo().includes("GetAddrInfoReqWrap")) {
    const { libc } = await import("../libc/libc.ts");
    process.once("exit", (code) => void libc._exit(code));
  }
  process.exit();
}

/**
 * Calls `act` on SIGHUP, until the function that it returns is called. A hangup that comes because
 * the terminal is gone ends the process as SIGTERM does: nobody reads what it says any more.
 */
export function onHangup(act: () => void): () => void {
  const hadTerminal = hasTerminal();
  const listener = (): void => {
    if (hadTerminal && !hasTerminal()) process.kill(process.pid, "SIGTERM");
    else act();
  };
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** True while the process has a terminal that it belongs to, wherever its input and output go. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
