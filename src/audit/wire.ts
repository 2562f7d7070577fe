import type { Socket } from "node:net";
import { AppError } from "../lib/errors.ts";
import { afterReading } from "./deadline.ts";

/**
 * How a wait for bytes ended when none came: closed or reset by the peer, or nothing within the
 * limit.
 */
export type Ending = "closed" | "reset" | "silent";

/** What some protocols wrap around TLS records while the handshake lasts (MS-SQL). */
export interface Framing {
  seal(bytes: Uint8Array): Uint8Array;
  /**
   * Takes what came, in any pieces; gives what is inside the frames that are whole. Throws `PEER_…`
   * for frames that are none.
   */
  open(bytes: Uint8Array): Uint8Array;
}

/** Bytes of one connection that may wait unread; beyond that the peer is not read from. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** Bytes that one connection may bring in all: no probe of ours asks for more. */
const MAX_RECEIVED_BYTES = 4 * 1024 * 1024;

/** One connected byte stream with limits: every wait ends, whatever the peer does. */
export class Wire {
  /** Set by a dialogue whose protocol frames the records. */
  framing: Framing | undefined;
  received = 0;
  /** The handshake was done to its end, and the server ended the connection in its own protocol. */
  isWhole = false;
  /** The most milliseconds from a `write` to the first bytes after it. */
  firstByteMs = 0;
  #writtenAt: number | undefined;
  /** The most that one `read` waits. */
  silenceMs: number;
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #ending: Ending | undefined;
  #wake: (() => void) | undefined;

  /** `signal` ends the connection's whole time. */
  constructor(
    socket: Socket,
    { signal, silenceMs }: { readonly signal: AbortSignal; readonly silenceMs: number },
  ) {
    this.#socket = socket;
    this.#signal = signal;
    this.silenceMs = silenceMs;
    // Two small writes in a row would otherwise wait for the peer's delayed acknowledgement.
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => this.#take(bytes));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      this.#end(error.code === "ECONNRESET" || error.code === "EPIPE" ? "reset" : "closed"),
    );
    socket.on("end", () => this.#end("closed"));
    socket.on("close", () => this.#end("closed"));
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  /**
   * Sends bytes; what a peer that has gone does not take is no error here: the next `read` tells.
   */
  write(bytes: Uint8Array): void {
    this.#writtenAt ??= performance.now();
    if (this.#ending === undefined)
      this.#socket.write(this.framing === undefined ? bytes : this.framing.seal(bytes));
  }

  /**
   * Tells the peer that nothing more comes, and goes on reading: what it would wait for, it now
   * answers.
   */
  endWriting(): void {
    if (this.#ending === undefined) this.#socket.end();
  }

  /**
   * The next bytes, at least one; or how the stream ended. `silenceMs` shortens the wait. Bytes
   * that came before an end are given first. Throws
   * `PEER_FLOOD` for more bytes than any probe asks for, and what `framing` throws.
   */
  async read(silenceMs: number = this.silenceMs): Promise<Uint8Array | Ending> {
    const until = performance.now() + Math.min(silenceMs, this.silenceMs);
    for (;;) {
      const bytes = this.#unread.shift();
      if (bytes === undefined) {
        if (this.#isFlooded)
          throw new AppError(
            "PEER_FLOOD",
            `Cannot go on reading: the peer has sent over ${MAX_RECEIVED_BYTES} bytes`,
          );
        if (this.#ending !== undefined) return this.#ending;
        if (!(await this.#news(until - performance.now()))) return "silent";
        continue;
      }
      this.#unreadBytes -= bytes.length;
      this.#socket.resume();
      const inside = this.framing === undefined ? bytes : this.framing.open(bytes);
      if (inside.length > 0) return inside;
    }
  }

  /** Puts bytes back in front: what a dialogue has read too much. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#unread.unshift(bytes);
    this.#unreadBytes += bytes.length;
  }

  /**
   * Hands the bare socket to somebody else, with what was not read yet in front of it; the wire
   * then reads no more, but still ends the socket when the time is
   * up. Undefined where records are framed, or the stream has ended.
   */
  release(): Socket | undefined {
    if (this.framing !== undefined || this.#ending !== undefined) return undefined;
    this.#socket.removeAllListeners("data");
    this.#socket.pause();
    this.#signal.addEventListener("abort", () => this.#socket.destroy(), { once: true });
    for (const bytes of this.#unread.splice(0).toReversed()) this.#socket.unshift(bytes);
    return this.#socket;
  }

  /**
   * Ends the connection with a reset: the peer need not wait for us, and no socket is left in
   * TIME_WAIT.
   */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    const { readableEnded, writableEnded, writableFinished, destroyed } = this.#socket;
    // While our own end is on its way, libuv refuses to reset, and Node loses the open handle.
    const isEnding = writableEnded && !writableFinished;
    // Where the peer has ended already, Node would wait for ever for the rest of our own end.
    if (readableEnded || isEnding || destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  get #isFlooded(): boolean {
    return this.received > MAX_RECEIVED_BYTES;
  }

  #take(bytes: Uint8Array): void {
    if (this.#isFlooded) return;
    this.received += bytes.length;
    if (this.#writtenAt !== undefined) {
      this.firstByteMs = Math.max(this.firstByteMs, performance.now() - this.#writtenAt);
      this.#writtenAt = undefined;
    }
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) this.#socket.pause();
    this.#wake?.();
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#wake?.();
  }

  readonly #onAbort = (): void => this.#end("silent");

  /** Waits for bytes or an end; false when neither came in time. */
  #news(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = afterReading(Math.max(0, ms), () => settle(false));
      const settle = (isNews: boolean): void => {
        cancel();
        this.#wake = undefined;
        resolve(isNews);
      };
      this.#wake = () => settle(true);
    });
  }
}
