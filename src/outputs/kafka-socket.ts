import { isIP, connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ISocketFactory } from "kafkajs";

/**
 * Connections for kafkajs, which believes whatever length a broker states: a negative one makes it
 * throw where nobody catches, a large one has it gather two gigabytes. Here such a broker's
 * connection ends with an error.
 */
export const brokerSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const name = isIP(host) > 0 ? {} : { servername: host };
  const socket: Socket = ssl
    ? connectTls({ host, port, ...name, ...ssl }, onConnect)
    : connectTcp({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const frames = new Frames();
  const emit = socket.emit.bind(socket);
  // Its listener is called in here: what it throws is the socket's error, too.
  socket.emit = (event: string | symbol, ...rest: unknown[]): boolean => {
    if (event !== "data") return emit(event, ...rest);
    try {
      frames.take(rest[0] as Buffer);
      return emit(event, ...rest);
    } catch (thrown) {
      socket.destroy(thrown as Error);
      return true;
    }
  };
  return socket;
};

const KEEP_ALIVE_MS = 60_000;

/** The most of one answer: those to who produces have some hundred bytes a broker. */
const FRAME_MAX = 4 << 20;

/** Answers as they follow each other: each has its length before it, four bytes. */
class Frames {
  #length = 0;
  #lengthBytes = 0;
  /** Bytes of the answer that are still to come. */
  #left = 0;

  /** Throws for a length that is none. */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
      if (this.#left === 0 && at < chunk.length) this.#takeLength(chunk[at++] as number);
    }
  }

  #takeLength(byte: number): void {
    this.#length = (this.#length << 8) | byte;
    this.#lengthBytes += 1;
    if (this.#lengthBytes < 4) return;
    if (this.#length < 0 || this.#length > FRAME_MAX) throw new Error("it is no broker of Kafka");
    [this.#left, this.#length, this.#lengthBytes] = [this.#length, 0, 0];
  }
}
