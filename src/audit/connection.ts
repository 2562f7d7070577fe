import type { Socket } from "node:net";
import { AppError, messageOf } from "../lib/errors.ts";
import { type Flight, FlightReader } from "../tls/server-flight.ts";

/** How one port is reached; gives a connected socket or rejects. */
export type Connect = (signal: AbortSignal) => Promise<Socket>;

/** What came of one hello. */
export type Answer =
  /** The server answered in TLS: its flight as far as it was read. */
  | { readonly kind: "flight"; readonly flight: Flight; readonly ending: "done" | "closed" | "reset" | "silent" }
  /** Bytes that are no TLS; the beginning of them. */
  | { readonly kind: "plain"; readonly bytes: Uint8Array }
  /** Not a single byte came back. */
  | { readonly kind: "nothing"; readonly ending: "closed" | "reset" | "silent" }
  /** No connection came about. */
  | { readonly kind: "unreachable"; readonly reason: string };

export interface ExchangeOptions {
  readonly connect: Connect;
  /** The whole target's end: aborts what is under way. */
  readonly signal: AbortSignal;
  /** The most time for connecting, and for each wait for bytes. */
  readonly silenceMs: number;
  /** The most time for the whole exchange, however the bytes drip. */
  readonly totalMs: number;
}

/** Bytes of a plain answer that are kept. */
const PLAIN_BYTES = 4096;

/** Opens one connection, sends `request` and reads the answer to its end or one of the limits. Never rejects. */
export async function exchange(request: Uint8Array, options: ExchangeOptions): Promise<Answer> {
  const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(options.totalMs)]);
  let socket: Socket;
  try {
    socket = await options.connect(AbortSignal.any([deadline, AbortSignal.timeout(options.silenceMs)]));
  } catch (thrown) {
    return { kind: "unreachable", reason: reasonOf(thrown) };
  }
  try {
    return await converse(socket, request, { ...options, signal: deadline });
  } finally {
    // A reset instead of a closing handshake: the server need not wait for us, and no socket is left in TIME_WAIT. Where the server
    // has ended already, Node would wait for ever for the rest of our own end.
    if (socket.readableEnded || socket.destroyed) socket.destroy();
    else socket.resetAndDestroy();
  }
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && (thrown.name === "AbortError" || thrown.name === "TimeoutError")) return "no connection in time";
  return thrown instanceof AppError && thrown.code === "PEER_ABORTED" ? "no connection in time" : messageOf(thrown);
}

function converse(socket: Socket, request: Uint8Array, { signal, silenceMs }: ExchangeOptions): Promise<Answer> {
  return new Promise((resolve) => {
    const reader = new FlightReader();
    let received: Uint8Array | undefined;
    const settle = (ending: "done" | "closed" | "reset" | "silent"): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("data");
      if (received === undefined) resolve({ kind: "nothing", ending: ending === "done" ? "closed" : ending });
      else resolve({ kind: "flight", flight: reader, ending });
    };
    const onAbort = (): void => settle("silent");
    signal.addEventListener("abort", onAbort, { once: true });
    socket.setTimeout(silenceMs, () => settle("silent"));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNRESET" || error.code === "EPIPE" ? "reset" : "closed"));
    socket.on("close", () => settle("closed"));
    socket.on("end", () => settle("closed"));
    socket.on("data", (bytes: Uint8Array) => {
      received = received === undefined ? bytes : received;
      try {
        reader.push(bytes);
        if (reader.isDone) settle("done");
      } catch {
        // Not TLS from the first byte on is another protocol; later, it is a broken answer, of which the beginning still counts.
        if (reader.hello === undefined && reader.alert === undefined) resolve({ kind: "plain", bytes: received.slice(0, PLAIN_BYTES) });
        settle("closed");
      }
    });
    if (signal.aborted) onAbort();
    else socket.write(request);
  });
}
