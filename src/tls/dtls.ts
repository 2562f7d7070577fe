import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import type { Alert } from "./alerts.ts";
import { encodeClientHello, type HelloOptions } from "./client-hello.ts";
import { MAX_FLIGHT_BYTES, MESSAGE, RECORD } from "./records.ts";
import {
  type Flight,
  readCertificates,
  readFatalAlert,
  readServerHello,
  type ServerHello,
} from "./server-flight.ts";

/**
 * DTLS versions by the TLS version that each is built on (RFC 4347, RFC 6347, RFC 9147), newest
 * first; there is no DTLS 1.1. NSS 3.87 says 1.3 by the number of draft 43, the last before the RFC.
 */
export const DTLS_VERSIONS = [
  { code: 0xfefc, drafts: [0x7f2b], tls: 0x0304, name: "DTLSv1.3" },
  { code: 0xfefd, drafts: [], tls: 0x0303, name: "DTLSv1.2" },
  { code: 0xfeff, drafts: [], tls: 0x0302, name: "DTLSv1.0" },
] as const;

/** An entry of `DTLS_VERSIONS`: codes of the DTLS version and its TLS version, and its name. */
export type DtlsVersion = (typeof DTLS_VERSIONS)[number];

/**
 * A ClientHello in one datagram; `cookie` is what a HelloVerifyRequest gave, `turn` counts our
 * records from 0.
 */
export function encodeDatagramHello(
  version: DtlsVersion,
  options: Omit<HelloOptions, "version">,
  { cookie, turn }: { cookie: Uint8Array; turn: number },
): Uint8Array {
  const plain = new ByteReader(
    encodeClientHello({
      ...options,
      version: version.tls,
      supportedVersions: [version.code, ...version.drafts],
    }).subarray(9),
    "PEER_TLS",
  );
  plain.u16("version");
  const head = plain.take(32, "random");
  const sessionId = plain.take(plain.u8("session id length"), "session id");
  const body = new ByteWriter();
  // DTLS 1.3 stands in supported_versions, and here as 1.2 (RFC 9147 §5.3).
  body.u16(Math.max(version.code, DTLS_1_2)).bytes(head);
  body
    .vector(1, (id) => id.bytes(sessionId))
    .vector(1, (written) => written.bytes(cookie))
    .bytes(plain.rest());
  const hello = body.finish();
  // message_seq: 1 for the hello with a cookie (RFC 6347 §4.2.2); a repeated hello keeps its
  // number.
  const message = new ByteWriter();
  message
    .u8(1)
    .u24(hello.length)
    .u16(cookie.length > 0 ? 1 : 0)
    .u24(0)
    .u24(hello.length)
    .bytes(hello);
  return encodeRecord(RECORD.handshake, turn, message.finish());
}

const DTLS_1_2 = 0xfefd;

/** Tells the server that we leave, so that it need not repeat its flight: a fatal user_canceled. */
export function encodeDatagramFarewell(turn: number): Uint8Array {
  return encodeRecord(RECORD.alert, turn, Uint8Array.of(2, 90));
}

function encodeRecord(type: number, turn: number, body: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  // Epoch 0, then 48 bits of sequence; 1.0 in the record, since no version is agreed on yet.
  writer.u8(type).u16(0xfeff).u16(0).u16(0).u16(0).u16(turn);
  writer.vector(2, (record) => record.bytes(body));
  return writer.finish();
}

/** Messages of one flight that are put together at a time: a real one has about six. */
const MAX_MESSAGES = 16;

/**
 * Reads a DTLS server's first flight from datagrams that may be cut, repeated and out of order; of
 * DTLS 1.3 its ServerHello or HelloRetryRequest, for the rest is encrypted. Versions are given as
 * those of TLS that they are built on. Throws `PEER_TLS` for what is no DTLS, and for too many bytes.
 */
export class DatagramFlightReader implements Flight {
  /** Of a HelloVerifyRequest (RFC 6347 §4.2.1). */
  cookie: Uint8Array | undefined;
  hello: ServerHello | undefined;
  certificates: readonly Uint8Array[] = [];
  keyExchange: Uint8Array | undefined;
  readonly ocspResponse = undefined;
  readonly wantsClientCertificate = false;
  alert: Alert | undefined;
  isDone = false;
  readonly #messages = new Map<number, Assembly>();
  #total = 0;

  push(datagram: Uint8Array): void {
    this.#total += datagram.length;
    if (this.#total > MAX_FLIGHT_BYTES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read the server's datagrams: they are over ${MAX_FLIGHT_BYTES} bytes`,
      );
    const reader = new ByteReader(datagram, "PEER_TLS");
    while (reader.left > 0 && !this.isDone) this.#record(reader);
  }

  #record(reader: ByteReader): void {
    const [type, version, epoch] = [
      reader.u8("record type"),
      reader.u16("record version"),
      reader.u16("epoch"),
    ];
    if (type < RECORD.changeCipherSpec || type > RECORD.applicationData || version >>> 8 !== 0xfe) {
      throw new AppError("PEER_TLS", "Cannot read the server's datagram: it is not DTLS");
    }
    reader.take(6, "sequence number");
    const body = reader.sub(reader.u16("record length"), "record");
    if (epoch !== 0) return;
    if (type === RECORD.alert) {
      this.alert = readFatalAlert({ type, version, body: body.rest(), header: new Uint8Array(0) });
      this.isDone = this.alert !== undefined;
    }
    while (type === RECORD.handshake && body.left > 0 && !this.isDone) this.#fragment(body);
  }

  #fragment(reader: ByteReader): void {
    const [type, length, sequence] = [
      reader.u8("message type"),
      reader.u24("message length"),
      reader.u16("message sequence"),
    ];
    const [offset, size] = [reader.u24("fragment offset"), reader.u24("fragment length")];
    const bytes = reader.take(size, "fragment");
    if (length > MAX_FLIGHT_BYTES / 2 || offset + size > length)
      throw new AppError("PEER_TLS", "Cannot read a fragment: it does not fit its message");
    const assembly = this.#messages.get(sequence) ?? {
      type,
      body: new Uint8Array(length),
      have: new Uint8Array(length),
      missing: length,
      isRead: false,
    };
    if (!this.#messages.has(sequence) && this.#messages.size >= MAX_MESSAGES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read the flight: it has over ${MAX_MESSAGES} messages`,
      );
    if (assembly.type !== type || assembly.body.length !== length)
      throw new AppError(
        "PEER_TLS",
        "Cannot read a fragment: it is of another message of the same number",
      );
    this.#messages.set(sequence, assembly);
    for (let at = 0; at < size; at += 1) {
      if (assembly.have[offset + at] === 0) assembly.missing -= 1;
      assembly.have[offset + at] = 1;
    }
    assembly.body.set(bytes, offset);
    if (assembly.missing === 0 && !assembly.isRead) this.#message(assembly);
    this.isDone ||= this.#isWhole();
  }

  #message(assembly: Assembly): void {
    assembly.isRead = true;
    const { type, body } = assembly;
    if (type === HELLO_VERIFY_REQUEST) {
      const reader = new ByteReader(body, "PEER_TLS");
      reader.u16("version");
      this.cookie = reader.take(reader.u8("cookie length"), "cookie").slice();
      this.isDone = true;
    } else if (type === MESSAGE.serverHello) {
      this.hello = readDatagramServerHello(body);
      this.isDone = this.hello.version === 0x0304;
    } else if (type === MESSAGE.certificate)
      this.certificates = readCertificates(new ByteReader(body, "PEER_TLS"));
    else if (type === MESSAGE.serverKeyExchange) this.keyExchange = body;
  }

  /** Everything from the ServerHello to the ServerHelloDone is there. */
  #isWhole(): boolean {
    const read = [...this.#messages].toSorted(([a], [b]) => a - b);
    const [first, last] = [read[0], read.at(-1)];
    if (
      first === undefined ||
      last === undefined ||
      first[1].type !== MESSAGE.serverHello ||
      last[1].type !== MESSAGE.serverHelloDone
    )
      return false;
    return last[0] - first[0] === read.length - 1 && read.every(([, { isRead }]) => isRead);
  }
}

interface Assembly {
  readonly type: number;
  readonly body: Uint8Array;
  /** 1 for each byte that came. */
  readonly have: Uint8Array;
  missing: number;
  isRead: boolean;
}

function readDatagramServerHello(body: Uint8Array): ServerHello {
  const legacy = tlsVersion(new ByteReader(body, "PEER_TLS").u16("server version"));
  const copy = body.slice();
  copy.set([legacy >>> 8, legacy & 0xff]);
  const hello = readServerHello(copy);
  return hello.version === legacy ? hello : { ...hello, version: tlsVersion(hello.version) };
}

function tlsVersion(code: number): number {
  const version = DTLS_VERSIONS.find(
    (one) => one.code === code || one.drafts.some((draft) => draft === code),
  );
  if (version !== undefined) return version.tls;
  throw new AppError(
    "PEER_TLS",
    `Cannot read ServerHello: version 0x${code.toString(16)} is none of DTLS`,
  );
}

const HELLO_VERIFY_REQUEST = 3;
