import { AppError } from "../../lib/errors.ts";
import type { Ending, Wire } from "../wire.ts";

/** Bytes that a peer may say before TLS begins: real greetings have some kilobytes. */
const MAX_BYTES = 16 * 1024;

const ENDED = {
  silent: "PEER_SILENT",
  closed: "PEER_CLOSED",
  reset: "PEER_RESET",
} as const satisfies Record<Ending, string>;

/**
 * What a peer says before TLS, as lines or as bytes. Every read ends: with what was asked for, or
 * with `PEER_PROTOCOL`, or where the stream ended `PEER_SILENT`, `PEER_CLOSED`, `PEER_RESET`.
 */
export class PlainStream {
  readonly #wire: Wire;
  readonly #protocol: string;
  #buffer: Uint8Array = new Uint8Array(0);
  #taken = 0;

  /** `protocol` is what errors call it. */
  constructor(wire: Wire, protocol: string) {
    this.#wire = wire;
    this.#protocol = protocol;
  }

  send(request: string | Uint8Array): void {
    this.#wire.write(typeof request === "string" ? new TextEncoder().encode(request) : request);
  }

  /** The next line without its end, as Latin-1. */
  async line(): Promise<string> {
    return (await this.until("\n")).replace(/\r?\n$/, "");
  }

  /** Takes everything up to and with the first of these ends, as Latin-1. */
  async until(...ends: readonly [string, ...string[]]): Promise<string> {
    for (;;) {
      const text = Buffer.from(this.#buffer).toString("latin1");
      const lengths = ends
        .map((end) => text.indexOf(end) + end.length)
        .filter((length, index) => length >= (ends[index]?.length ?? 0));
      if (lengths.length > 0) {
        const length = Math.min(...lengths);
        this.#take(length);
        return text.slice(0, length);
      }
      await this.#more();
    }
  }

  /** The next `length` bytes. */
  async bytes(length: number): Promise<Uint8Array> {
    while (this.#buffer.length < length) await this.#more();
    const bytes = this.#buffer.slice(0, length);
    this.#take(length);
    return bytes;
  }

  /** More has come than was asked for. */
  get hasMore(): boolean {
    return this.#buffer.length > 0;
  }

  /** Gives back what was read too much: it belongs to TLS. */
  end(): void {
    this.#wire.unread(this.#buffer);
    this.#buffer = new Uint8Array(0);
  }

  /** The peer is another one than thought. */
  isOther(state: string): AppError {
    return new AppError("PEER_PROTOCOL", `Cannot speak ${this.#protocol} with the port: ${state}`);
  }

  /** It is what was thought, and does not begin TLS. `answer` is its own word for it. */
  refuses(answer: string): AppError {
    return new AppError(
      "PEER_STARTTLS",
      `Cannot begin TLS in ${this.#protocol}: ${answer.trim().slice(0, 200)}`,
    );
  }

  /** It is what was thought, and wants no client from here, or not now: nothing is known of TLS. */
  turnsAway(answer: string): AppError {
    return new AppError(
      "PEER_TURNED_AWAY",
      `Cannot speak ${this.#protocol} with the port: it turns us away: ${answer.trim().slice(0, 200)}`,
    );
  }

  #ended(ending: Ending): AppError {
    const state = ending === "silent" ? "it says nothing" : `the connection was ${ending}`;
    return new AppError(ENDED[ending], `Cannot speak ${this.#protocol} with the port: ${state}`);
  }

  #take(length: number): void {
    this.#buffer = this.#buffer.subarray(length);
    this.#taken += length;
  }

  async #more(): Promise<void> {
    if (this.#taken + this.#buffer.length > MAX_BYTES)
      throw this.isOther(`it has said over ${MAX_BYTES} bytes`);
    const bytes = await this.#wire.read();
    if (typeof bytes === "string") throw this.#ended(bytes);
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
  }
}
