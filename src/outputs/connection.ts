import { isIP, type Socket, connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Endpoint } from "./destination.ts";
import { certificatesOf, type CertificateOptions } from "./http-certificates.ts";

/** What stands at the beginning of what a server has said. */
export interface Said<Value> {
  /** The bytes that it takes. */
  readonly length: number;
  /** Absent where it is nothing that was waited for. */
  readonly value?: Value;
  /** What the server wants to hear at once. */
  readonly answer?: string;
}

/** Reads one message off the beginning of bytes; undefined when it is not there whole. */
export type Read<Value> = (bytes: Buffer) => Said<Value> | undefined;

/** The most that a server may say, before it is read and before it says what is waited for. */
const MAX_UNREAD = 64 << 10;
const TOO_MUCH = "it says more than it should";

/** A connection to a server that answers, over TCP or TLS. Whatever fails destroys it and throws. */
export class Connection {
  #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  /** Why it is of no use any more. */
  #ended: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open({ host, port }: Endpoint, signal: AbortSignal): Promise<Connection> {
    const socket = connectTcp({ host, port, noDelay: true });
    const connection = new Connection(socket);
    await connection.#until(signal, () => socket.readyState === "open");
    return connection;
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Speaks TLS from here on, and verifies the server's certificate for `host`. */
  async secure(
    host: string,
    certificates: CertificateOptions & { readonly isChecked: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const trust = await certificatesOf(certificates);
    if (this.#bytes.length > 0) this.#end(new Error("it says something before TLS begins"));
    this.#socket.removeAllListeners("data");
    const socket = connectTls({
      socket: this.#socket,
      ...(isIP(host) > 0 ? {} : { servername: host }),
      host,
      ...trust,
      rejectUnauthorized: certificates.isChecked,
    });
    let isSecure = false;
    socket.once("secureConnect", () => {
      isSecure = true;
      this.#wake();
    });
    this.#socket = socket;
    this.#listen();
    await this.#until(signal, () => isSecure);
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next message of the server's. */
  async read<Value>(read: Read<Value>, signal: AbortSignal): Promise<Value> {
    let value: Value | undefined;
    let ignored = 0;
    await this.#until(signal, () => {
      for (let said = read(this.#bytes); said !== undefined; said = read(this.#bytes)) {
        this.#bytes = this.#bytes.subarray(said.length);
        if (said.value === undefined && (ignored += said.length) > MAX_UNREAD)
          throw new Error(TOO_MUCH);
        if (said.answer !== undefined) this.write(said.answer);
        if (said.value === undefined) continue;
        value = said.value;
        return true;
      }
      return false;
    });
    return value as Value;
  }

  destroy(): void {
    this.#end(new Error("it is closed"));
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      if (this.#bytes.length > MAX_UNREAD) this.#end(new Error(TOO_MUCH));
      this.#wake();
    });
    this.#socket.on("connect", () => this.#wake());
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("it closed the connection")));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    this.#socket.destroy();
    this.#wake();
  }

  /** Waits for what bytes and events bring about. */
  async #until(signal: AbortSignal, isThere: () => boolean): Promise<void> {
    const abort = (): void => this.#end(new Error("it does not answer"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      while (!isThere()) {
        if (this.#ended !== undefined) throw this.#ended;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } catch (thrown) {
      this.#end(thrown as Error);
      throw thrown;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
