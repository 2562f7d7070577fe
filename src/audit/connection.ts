import type { Socket } from "node:net";
import { AppError, messageOf } from "../lib/errors.ts";
import type { Flight } from "../tls/server-flight.ts";
import { deadline, unlessAborted } from "./deadline.ts";
import type { ProbeErrorCode } from "./report.ts";
import { type Ending as WireEnding, Wire } from "./wire.ts";

/** How one port is reached; gives a connected socket or rejects. */
export type Connect = (signal: AbortSignal) => Promise<Socket>;

/**
 * Leads a fresh connection to where TLS begins (STARTTLS). Rejects with `PEER_…` when the peer does
 * not go along.
 */
export type Dialogue = (wire: Wire) => Promise<void>;

/** Reads an answer from pieces of any size; throws for bytes that it cannot read. */
export interface AnswerReader extends Flight {
  readonly isDone: boolean;
  push(bytes: Uint8Array): void;
}

/** How an answer ended: read to its end, or as the wire did. */
export type Ending = "done" | WireEnding;

/** No connection came about, or none that led to TLS. */
export interface Unreachable {
  readonly kind: "unreachable";
  readonly reason: string;
  readonly code: ProbeErrorCode;
}

/** What came of one request. */
export type Answer<R extends Flight = Flight> =
  /**
   * The server answered in TLS: its flight as far as it was read. `fault` says why reading stopped
   * when the bytes made no sense.
   */
  | {
      readonly kind: "flight";
      readonly flight: R;
      readonly ending: Ending;
      readonly fault?: string;
    }
  /** Bytes that are no TLS; the beginning of them. */
  | { readonly kind: "plain"; readonly bytes: Uint8Array }
  /** Not a single byte came back. */
  | { readonly kind: "nothing"; readonly ending: WireEnding }
  | Unreachable;

/** How `open` reaches a port, and how many milliseconds it waits there. */
export interface SessionOptions {
  readonly connect: Connect;
  readonly dialogue: Dialogue | undefined;
  /** The whole target's end: aborts what is under way. */
  readonly signal: AbortSignal;
  /** The most time for connecting, and for each wait for bytes. */
  readonly silenceMs: number;
  /** The most time for each word of the dialogue: some servers take their time to greet. */
  readonly greetingMs?: number | undefined;
}

/** A connection that is led to where TLS begins. */
export interface Opened {
  readonly wire: Wire;
  /** How long it was on its way there. */
  readonly openingMs: number;
  /** From now on the talk's time counts. */
  begin(): void;
  close(): void;
}

/**
 * How many times the silence limit one exchange may take in all: a server that drips bytes is not
 * waited for.
 */
const TOTAL_FACTOR = 2;

/** Opens one connection and leads it to TLS. Never rejects. */
export async function open(options: SessionOptions): Promise<Opened | Unreachable> {
  const { connect, dialogue, signal, silenceMs, greetingMs = silenceMs } = options;
  const start = performance.now();
  const end = deadline((silenceMs + greetingMs) * TOTAL_FACTOR, signal);
  const socket = await connected(connect, silenceMs, end.signal);
  if ("kind" in socket) {
    end.end();
    return socket;
  }
  const wire = new Wire(socket, { signal: end.signal, silenceMs: greetingMs });
  const close = (): void => {
    wire.close();
    end.end();
  };
  const failure = await dialogue?.(wire).catch((thrown: unknown) => unreachable(thrown));
  if (failure !== undefined) {
    close();
    return failure;
  }
  wire.silenceMs = silenceMs;
  const begin = (): void => end.restart(silenceMs * TOTAL_FACTOR);
  return { wire, openingMs: performance.now() - start, begin, close };
}

/**
 * A connected socket, or why there is none. Whatever `connect` does with its signal, this ends in
 * time.
 */
async function connected(
  connect: Connect,
  ms: number,
  parent: AbortSignal,
): Promise<Socket | Unreachable> {
  const limit = deadline(ms, parent);
  const late: Unreachable = {
    kind: "unreachable",
    reason: "no connection in time",
    code: "timeout",
  };
  const attempt = connect(limit.signal);
  try {
    const socket = await unlessAborted(attempt, limit.signal);
    if (socket !== undefined) return socket;
    void attempt.then(
      (straggler) => straggler.destroy(),
      () => {},
    );
    return late;
  } catch (thrown) {
    return limit.signal.aborted ? late : unreachable(thrown);
  } finally {
    limit.end();
  }
}

/** What an error says of the port; codes as `connectInNamespace` and dialogues throw them. */
const CODES: Readonly<Record<string, ProbeErrorCode>> = {
  PEER_ECONNREFUSED: "refused",
  PEER_ECONNRESET: "reset",
  PEER_TIMEOUT: "timeout",
  PEER_ETIMEDOUT: "timeout",
  PEER_ABORTED: "aborted",
  PEER_SILENT: "silent",
  PEER_CLOSED: "closed",
  PEER_RESET: "reset",
  PEER_PROTOCOL: "protocol",
  PEER_STARTTLS: "starttls",
  PEER_TURNED_AWAY: "rejected",
};

function unreachable(thrown: unknown): Unreachable {
  const code = thrown instanceof AppError ? CODES[thrown.code] : undefined;
  return { kind: "unreachable", reason: messageOf(thrown), code: code ?? "unreachable" };
}

/**
 * Sends `request` and reads the answer until `reader` is done, the stream ends, or the bytes are no
 * TLS.
 */
export async function converse<R extends AnswerReader>(
  wire: Wire,
  request: Uint8Array,
  reader: R,
  nudge?: Nudge,
): Promise<Answer<R>> {
  wire.write(request);
  let read: Uint8Array | undefined;
  try {
    while (!reader.isDone) {
      const bytes = await (read === undefined ? nudged(wire, nudge) : wire.read());
      if (typeof bytes === "string")
        return read === undefined
          ? { kind: "nothing", ending: bytes }
          : { kind: "flight", flight: reader, ending: bytes };
      read = bytes;
      reader.push(bytes);
    }
    return { kind: "flight", flight: reader, ending: "done" };
  } catch (thrown) {
    // Broken after the server has shown that it speaks TLS: what was read still counts.
    const isTls = reader.hello !== undefined || reader.alert !== undefined;
    if (isTls || read === undefined)
      return { kind: "flight", flight: reader, ending: "done", fault: messageOf(thrown) };
    return { kind: "plain", bytes: await plainText(wire, read) };
  }
}

/**
 * Sent behind a request that nothing was said to for so long: a server of lines has then got one and
 * answers, and one of TLS reads the hello first.
 */
export interface Nudge {
  readonly afterMs: number;
  readonly bytes: Uint8Array;
}

async function nudged(wire: Wire, nudge: Nudge | undefined): Promise<Uint8Array | WireEnding> {
  if (nudge === undefined) return wire.read();
  const start = performance.now();
  const bytes = await wire.read(nudge.afterMs);
  if (bytes !== "silent") return bytes;
  wire.write(nudge.bytes);
  return wire.read(wire.silenceMs - (performance.now() - start));
}

/**
 * Once bytes are no TLS, this long without more of them ends the wait: tar pits greet with a letter
 * a second.
 */
const PLAIN_SETTLE_MS = 1500;

/**
 * Bytes of a plain answer that are kept, and so many that tell the protocol even without a line's
 * end.
 */
const PLAIN_KEPT = 4096;
const PLAIN_ENOUGH = 64;

/** The beginning of an answer in another protocol. */
async function plainText(wire: Wire, first: Uint8Array): Promise<Uint8Array> {
  let text = first.slice(0, PLAIN_KEPT);
  while (text.length < PLAIN_ENOUGH && !text.includes(0x0a)) {
    const more = await wire.read(PLAIN_SETTLE_MS);
    if (typeof more === "string") break;
    text = Buffer.concat([text, more]).subarray(0, PLAIN_KEPT);
  }
  return text;
}
