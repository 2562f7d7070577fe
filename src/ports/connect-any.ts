import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";

/** How one address is connected to. */
export type Dial = (address: string, signal: AbortSignal) => Promise<Socket>;

/** A connection that was made, and the address it was made to. */
export interface Reached {
  readonly socket: Socket;
  readonly address: string;
}

/** Milliseconds until the next address is tried beside one that has not answered (RFC 8305 §5). */
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects to the first of a host's addresses that answers: one after the other, the next as soon as
 * one fails or takes its time. Rejects with the first address's error when none answers; `addresses`
 * must not be empty.
 */
export async function connectToAny(
  addresses: readonly string[],
  dial: Dial,
  signal: AbortSignal,
): Promise<Reached> {
  const over = new AbortController();
  const limit = AbortSignal.any([signal, over.signal]);
  const attempts: Promise<Reached>[] = [];
  try {
    for (const address of addresses) {
      const attempt = dial(address, limit).then((socket) => ({ socket, address }));
      attempts.push(attempt);
      attempt.catch(() => {});
      const first = await Promise.race([
        Promise.any(attempts).catch(() => undefined),
        attempt.then(
          () => undefined,
          () => undefined,
        ),
        sleep(ATTEMPT_DELAY_MS, undefined, { ref: false }),
      ]);
      if (first !== undefined) return first;
    }
    return await Promise.any(attempts);
  } catch (thrown) {
    const [error] = thrown instanceof AggregateError ? (thrown.errors as unknown[]) : [thrown];
    throw error ?? new AppError("BUG_ADDRESSES", "Cannot connect to a host without addresses");
  } finally {
    over.abort();
    void closeLate(attempts);
  }
}

/** Those that connect beside the one that was taken. INVARIANT: that one is the first to connect. */
async function closeLate(attempts: readonly Promise<Reached>[]): Promise<void> {
  const taken = await Promise.any(attempts).catch(() => undefined);
  for (const attempt of attempts) {
    const late = await attempt.catch(() => undefined);
    if (late !== taken) late?.socket.destroy();
  }
}
