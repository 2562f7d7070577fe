import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";

/** The server's own key in a ServerKeyExchange. */
export type ServerKey =
  | { readonly kind: "dh"; readonly bits: number }
  | { readonly kind: "ec"; readonly group: number }
  /** An export suite's short RSA key; `exponent` is 0 when it is too long to matter. */
  | { readonly kind: "rsa"; readonly bits: number; readonly exponent: number };

export interface ServerHello {
  readonly version: number;
  readonly suite: number;
  readonly compressor: number;
  readonly isRetryRequest: boolean;
  /** The group that TLS 1.3 picked, in key_share or in the HelloRetryRequest. */
  readonly group: number | undefined;
}

export interface Alert {
  readonly level: number;
  readonly description: number;
  /** Version of the record that carried it. */
  readonly recordVersion: number;
}

/** What a server has answered to a ClientHello so far. */
export interface Flight {
  readonly hello: ServerHello | undefined;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** The ServerKeyExchange's body: what is in it depends on the suite, see `readServerKey`. */
  readonly keyExchange: Uint8Array | undefined;
  /** A fatal alert ends the flight; warnings are read over. */
  readonly alert: Alert | undefined;
  readonly wantsClientCertificate: boolean;
  readonly isDone: boolean;
}

const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const MESSAGE = { serverHello: 2, certificate: 11, serverKeyExchange: 12, certificateRequest: 13, serverHelloDone: 14, certificateStatus: 22 } as const;

/** A HelloRetryRequest is a ServerHello with this random (RFC 8446 §4.1.3): SHA-256 of "HelloRetryRequest". */
const RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

/** Bytes that one answer may take: the longest flights of real servers are some ten kilobytes. */
export const MAX_FLIGHT_BYTES = 128 * 1024;

/**
 * Reads a server's first flight as it comes, in any pieces. Throws `PEER_TLS` for bytes that are no TLS, records of impossible length,
 * and flights over MAX_FLIGHT_BYTES.
 */
export class FlightReader implements Flight {
  hello: ServerHello | undefined;
  certificates: readonly Uint8Array[] = [];
  keyExchange: Uint8Array | undefined;
  alert: Alert | undefined;
  wantsClientCertificate = false;
  isDone = false;
  #records = new Uint8Array(0);
  #handshake = new Uint8Array(0);
  #total = 0;

  push(bytes: Uint8Array): void {
    this.#total += bytes.length;
    if (this.#total > MAX_FLIGHT_BYTES) throw new AppError("PEER_TLS", `Cannot read the server's answer: it is over ${MAX_FLIGHT_BYTES} bytes`);
    this.#records = joined(this.#records, bytes);
    while (!this.isDone && this.#records.length >= 5) {
      const head = new ByteReader(this.#records, "PEER_TLS");
      const [type, version, length] = [head.u8("record type"), head.u16("record version"), head.u16("record length")];
      if (type < RECORD.changeCipherSpec || type > RECORD.applicationData + 1 || version >>> 8 !== 3) {
        throw new AppError("PEER_TLS", "Cannot read the server's answer: it is not TLS");
      }
      if (length > 16_384 + 2048) throw new AppError("PEER_TLS", `Cannot read a record: ${length} bytes are over the limit of TLS`);
      if (head.left < length) return;
      const body = head.take(length, "record");
      this.#records = this.#records.slice(5 + length);
      this.#record(type, version, body);
    }
  }

  #record(type: number, version: number, body: Uint8Array): void {
    if (type === RECORD.alert) this.#readAlert(version, body);
    else if (type === RECORD.handshake) this.#readMessages(body);
    // Everything behind a ChangeCipherSpec is encrypted: nothing more to learn from it.
    else if (type === RECORD.applicationData) this.isDone = true;
  }

  #readAlert(recordVersion: number, body: Uint8Array): void {
    const reader = new ByteReader(body, "PEER_TLS");
    const [level, description] = [reader.u8("alert level"), reader.u8("alert description")];
    // A warning such as unrecognized_name may come before the ServerHello.
    if (level === 1 && description !== 0) return;
    this.alert = { level, description, recordVersion };
    this.isDone = true;
  }

  #readMessages(body: Uint8Array): void {
    this.#handshake = joined(this.#handshake, body);
    while (!this.isDone && this.#handshake.length >= 4) {
      const reader = new ByteReader(this.#handshake, "PEER_TLS");
      const [type, length] = [reader.u8("message type"), reader.u24("message length")];
      if (length > MAX_FLIGHT_BYTES) throw new AppError("PEER_TLS", `Cannot read a handshake message: ${length} bytes are too many`);
      if (reader.left < length) return;
      const message = reader.sub(length, "message");
      this.#handshake = this.#handshake.slice(4 + length);
      this.#message(type, message);
    }
  }

  #message(type: number, reader: ByteReader): void {
    switch (type) {
      case MESSAGE.serverHello:
        this.hello = readServerHello(reader);
        if (this.hello.version === 0x0304) this.isDone = true;
        break;
      case MESSAGE.certificate:
        this.certificates = readCertificates(reader);
        break;
      case MESSAGE.serverKeyExchange:
        this.keyExchange = reader.rest();
        break;
      case MESSAGE.certificateRequest:
        this.wantsClientCertificate = true;
        break;
      case MESSAGE.serverHelloDone:
        this.isDone = true;
        break;
    }
  }
}

function readServerHello(reader: ByteReader): ServerHello {
  const legacy = reader.u16("server version");
  const random = reader.take(32, "server random");
  reader.sub(reader.u8("session id length"), "session id");
  const suite = reader.u16("cipher suite");
  const compressor = reader.u8("compression method");
  let [version, group]: [number, number | undefined] = [legacy, undefined];
  if (reader.left > 0) {
    const extensions = reader.sub(reader.u16("extensions length"), "extensions");
    while (extensions.left > 0) {
      const type = extensions.u16("extension type");
      const body = extensions.sub(extensions.u16("extension length"), "extension");
      if (type === 43) version = body.u16("selected version");
      else if (type === 51) group = body.u16("selected group");
    }
  }
  const isRetryRequest = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("") === RETRY_RANDOM;
  return { version, suite, compressor, isRetryRequest, group };
}

function readCertificates(reader: ByteReader): Uint8Array[] {
  const list = reader.sub(reader.u24("certificates length"), "certificates");
  const certificates: Uint8Array[] = [];
  while (list.left > 0 && certificates.length < 32) certificates.push(list.take(list.u24("certificate length"), "certificate").slice());
  return certificates;
}

/** The key in a ServerKeyExchange of a suite with this kind of ephemeral key (RFC 5246 §7.4.3, RFC 8422 §5.4). Throws `PEER_TLS`. */
export function readServerKey(body: Uint8Array, kind: ServerKey["kind"], hasPskHint: boolean): ServerKey | undefined {
  const reader = new ByteReader(body, "PEER_TLS");
  if (hasPskHint) reader.sub(reader.u16("PSK hint length"), "PSK hint");
  if (kind === "ec") {
    // Only named curves exist in practice; explicit ones (1, 2) were never used.
    return reader.u8("curve type") === 3 ? { kind, group: reader.u16("curve") } : undefined;
  }
  const prime = reader.take(reader.u16("prime or modulus length"), "prime or modulus");
  if (kind === "dh") return { kind, bits: prime.length * 8 };
  const exponent = reader.take(reader.u16("exponent length"), "exponent");
  return { kind, bits: prime.length * 8, exponent: exponent.length > 4 ? 0 : exponent.reduce((sum, byte) => sum * 256 + byte, 0) };
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(before.length + after.length);
  whole.set(before);
  whole.set(after, before.length);
  return whole;
}
