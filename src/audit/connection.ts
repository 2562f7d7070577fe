import type { Socket } from "node:net";
import { messageOf } from "../lib/errors.ts";
import type { Flight } from "../tls/server-flight.ts";
import { deadline, unlessAborted } from "./deadline.ts";

/** How one port is reached; gives a connected socket or rejects. */
export type Connect = (signal: AbortSignal) => Promise<Socket>;

/** Reads an answer from pieces of any size; throws for bytes that it cannot read. */
export interface AnswerReader extends Flight {
  readonly isDone: boolean;
  push(bytes: Uint8Array): void;
}

/** How an answer ended: read to its end, closed or reset by the server, or nothing more within the limit. */
export type Ending = "done" | "closed" | "reset" | "silent";

/** What came of one request. */
export type Answer<R extends Flight = Flight> =
  /** The server answered in TLS: its flight as far as it was read. `fault` says why reading stopped when the bytes made no sense. */
  | { readonly kind: "flight"; readonly flight: R; readonly ending: Ending; readonly fault?: string }
  /** Bytes that are no TLS; the beginning of them. */
  | { readonly kind: "plain"; readonly bytes: Uint8Array }
  /** Not a single byte came back. */
  | { readonly kind: "nothing"; readonly ending: Exclude<Ending, "done"> }
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

/** Opens one connection, sends `request` and reads the answer to its end or one of the limits. Never rejects. */
export async function exchange<R extends AnswerReader>(request: Uint8Array, reader: R, options: ExchangeOptions): Promise<Answer<R>> {
  const end = deadline(options.totalMs, options.signal);
  try {
    const socket = await connected(options.connect, Math.min(options.silenceMs, options.totalMs), end.signal);
    if (typeof socket === "string") return { kind: "unreachable", reason: socket };
    try {
      return await converse(socket, { request, reader, signal: end.signal, silenceMs: options.silenceMs });
    } finally {
      // A reset instead of a closing handshake: the server need not wait for us, and no socket is left in TIME_WAIT. Where the server
      // has ended already, Node would wait for ever for the rest of our own end.
      if (socket.readableEnded || socket.destroyed) socket.destroy();
      else socket.resetAndDestroy();
    }
  } finally {
    end.end();
  }
}

/** A connected socket, or why there is none. Whatever `connect` does with its signal, this ends in time. */
async function connected(connect: Connect, ms: number, parent: AbortSignal): Promise<Socket | string> {
  const limit = deadline(ms, parent);
  const late = "no connection in time";
  const attempt = connect(limit.signal);
  try {
    const socket = await unlessAborted(attempt, limit.signal);
    if (socket !== undefined) return socket;
    void attempt.then((straggler) => straggler.destroy(), () => {});
    return late;
  } catch (thrown) {
    return limit.signal.aborted ? late : messageOf(thrown);
  } finally {
    limit.end();
  }
}

interface Conversation<R> {
  readonly request: Uint8Array;
  readonly reader: R;
  readonly signal: AbortSignal;
  readonly silenceMs: number;
}

function converse<R extends AnswerReader>(socket: Socket, { request, reader, signal, silenceMs }: Conversation<R>): Promise<Answer<R>> {
  return new Promise((resolve) => {
    let received = 0;
    let plain: PlainBytes | undefined;
    const settle = (ending: Ending, fault?: string): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("data");
      socket.setTimeout(0);
      if (plain !== undefined) resolve({ kind: "plain", bytes: plain.bytes() });
      else if (received > 0) resolve({ kind: "flight", flight: reader, ending, ...(fault === undefined ? {} : { fault }) });
      else resolve({ kind: "nothing", ending: ending === "done" ? "closed" : ending });
    };
    const onAbort = (): void => settle("silent");
    signal.addEventListener("abort", onAbort, { once: true });
    socket.setTimeout(silenceMs, () => settle("silent"));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNRESET" || error.code === "EPIPE" ? "reset" : "closed"));
    socket.on("close", () => settle("closed"));
    socket.on("end", () => settle("closed"));
    socket.on("data", (bytes: Uint8Array) => {
      received += bytes.length;
      try {
        if (plain === undefined) reader.push(bytes);
        if (reader.isDone) settle("done");
      } catch (thrown) {
        // Broken after the server has shown that it speaks TLS: what was read still counts.
        if (reader.hello !== undefined || reader.alert !== undefined) settle("done", messageOf(thrown));
        else {
          plain = new PlainBytes();
          socket.setTimeout(Math.min(PLAIN_SETTLE_MS, silenceMs));
        }
      }
      plain?.push(bytes);
      if (plain?.isEnough === true) settle("done");
    });
    if (signal.aborted) onAbort();
    else socket.write(request);
  });
}

/** Once bytes are no TLS, this long without more of them ends the wait. */
const PLAIN_SETTLE_MS = 300;

/** Bytes of a plain answer that are kept, and so many that tell the protocol even without a line's end. */
const PLAIN_KEPT = 4096;
const PLAIN_ENOUGH = 64;

/** The beginning of an answer in another protocol. */
class PlainBytes {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;
  isEnough = false;

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes.subarray(0, PLAIN_KEPT - this.#length));
    this.#length += bytes.length;
    this.isEnough = this.#length >= PLAIN_ENOUGH || bytes.includes(0x0a);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
