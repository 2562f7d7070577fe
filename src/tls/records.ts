import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";

/** Content types of the record layer (RFC 8446 §5.1). */
export const RECORD = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
} as const;

/** Types of handshake messages that a server's first flight has (RFC 8446 §4, RFC 5246 §7.4). */
export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  finished: 20,
  certificateStatus: 22,
} as const;

/** Bytes that one answer may take: the longest flights of real servers are some ten kilobytes. */
export const MAX_FLIGHT_BYTES = 128 * 1024;

/** A record's plaintext may have 2^14 bytes, its ciphertext 2048 more (RFC 5246 §6.2.3). */
const MAX_RECORD_BYTES = 16_384 + 2048;

/** A record (RFC 8446 §5.1), its header read; the body has at most 18,432 bytes. */
export interface TlsRecord {
  readonly type: number;
  readonly version: number;
  readonly body: Uint8Array;
  /** As it came, header included. */
  readonly header: Uint8Array;
}

/**
 * Cuts a stream of bytes, in any pieces, into records. Throws `PEER_TLS` as soon as the bytes can
 * be no TLS, for records of impossible length, and
 * for more than MAX_FLIGHT_BYTES in all.
 */
export class RecordReader {
  readonly #buffer = new GrowingBytes();
  #total = 0;

  push(bytes: Uint8Array): void {
    this.#total += bytes.length;
    if (this.#total > MAX_FLIGHT_BYTES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read the server's answer: it is over ${MAX_FLIGHT_BYTES} bytes`,
      );
    this.#buffer.push(bytes);
  }

  /** The next whole record; undefined until more bytes come. */
  next(): TlsRecord | undefined {
    const head = this.#buffer.bytes;
    // The first byte alone tells most other protocols.
    if ((head.length > 0 && !isContentType(head[0])) || (head.length > 1 && head[1] !== 3)) {
      throw new AppError("PEER_TLS", "Cannot read the server's answer: it is not TLS");
    }
    if (head.length < 5) return undefined;
    const reader = new ByteReader(head, "PEER_TLS");
    const [type, version, length] = [
      reader.u8("record type"),
      reader.u16("record version"),
      reader.u16("record length"),
    ];
    if (length > MAX_RECORD_BYTES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read a record: ${length} bytes are over the limit of TLS`,
      );
    if (reader.left < length) return undefined;
    const body = reader.take(length, "record");
    this.#buffer.drop(5 + length);
    return { type, version, body, header: head.subarray(0, 5) };
  }
}

function isContentType(byte: number | undefined): boolean {
  return (
    byte !== undefined && byte >= RECORD.changeCipherSpec && byte <= RECORD.applicationData + 1
  );
}

/**
 * A handshake message (RFC 8446 §4); `body` is without its header of 4 bytes, and has at most
 * MAX_FLIGHT_BYTES.
 */
export interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
  /** As it came, header included: what a transcript hash wants. */
  readonly whole: Uint8Array;
}

/**
 * Joins the bodies of handshake records and cuts them into messages. Throws `PEER_TLS` for one that
 * is too long.
 */
export class MessageReader {
  readonly #buffer = new GrowingBytes();

  push(bytes: Uint8Array): void {
    this.#buffer.push(bytes);
  }

  /** The next whole message; undefined until more records come. */
  next(): HandshakeMessage | undefined {
    const reader = new ByteReader(this.#buffer.bytes, "PEER_TLS");
    if (reader.left < 4) return undefined;
    const [type, length] = [reader.u8("message type"), reader.u24("message length")];
    if (length > MAX_FLIGHT_BYTES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read a handshake message: ${length} bytes are too many`,
      );
    if (reader.left < length) return undefined;
    const whole = this.#buffer.bytes.subarray(0, 4 + length);
    this.#buffer.drop(4 + length);
    return { type, body: whole.subarray(4), whole };
  }
}

/**
 * Bytes not yet read. INVARIANT: what was handed out is never written again, so views of it stay
 * valid.
 */
class GrowingBytes {
  bytes = new Uint8Array(0);

  push(more: Uint8Array): void {
    const whole = new Uint8Array(this.bytes.length + more.length);
    whole.set(this.bytes);
    whole.set(more, this.bytes.length);
    this.bytes = whole;
  }

  drop(length: number): void {
    this.bytes = this.bytes.subarray(length);
  }
}
