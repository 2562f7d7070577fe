import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";

/** A version of QUIC whose handshake we can do. */
export interface QuicVersion {
  readonly code: number;
  readonly name: string;
  /** From which the keys of Initial packets are made. */
  readonly salt: string;
  /** In front of `key`, `iv` and `hp`. */
  readonly labelPrefix: string;
  /** The two type bits of a long header. */
  readonly types: { readonly initial: number; readonly handshake: number; readonly retry: number };
  /** The TLS extension quic_transport_parameters. */
  readonly parametersExtension: number;
}

const FIRST_TYPES = { initial: 0, handshake: 2, retry: 3 };

/** RFC 9000 and 9001, RFC 9369, draft-ietf-quic-tls-29; best first. */
export const QUIC_VERSIONS: readonly QuicVersion[] = [
  {
    code: 1,
    name: "QUICv1",
    salt: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    labelPrefix: "quic ",
    types: FIRST_TYPES,
    parametersExtension: 0x39,
  },
  {
    code: 0x6b3343cf,
    name: "QUICv2",
    salt: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    labelPrefix: "quicv2 ",
    types: { initial: 1, handshake: 3, retry: 0 },
    parametersExtension: 0x39,
  },
  {
    code: 0xff00001d,
    name: "QUIC draft-29",
    salt: "afbfec289993d24c9e9786f19c6111e04390a899",
    labelPrefix: "quic ",
    types: FIRST_TYPES,
    parametersExtension: 0xffa5,
  },
];

/** A server ignores a first datagram that is shorter (RFC 9000 §14.1). */
export const MIN_DATAGRAM_BYTES = 1200;

/** A version that no server has (RFC 9000 §15): it answers with those that it does have. */
const UNKNOWN_VERSION = 0x1a2a3a4a;

/** Versions of one answer that are kept. */
const MAX_VERSIONS = 32;

/** The connection ids of a client's first packet (RFC 9000 §7.2). */
export interface QuicIds {
  /** 8 to 20 bytes. */
  readonly destination: Uint8Array;
  /** Up to 20 bytes. */
  readonly source: Uint8Array;
}

/**
 * A packet that makes a QUIC server tell its versions (RFC 8999 §5.1, RFC 9000 §6.1); it starts no
 * handshake.
 */
export function encodeQuicQuestion({ destination, source }: QuicIds): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(0xc0).u32(UNKNOWN_VERSION);
  writer.vector(1, (id) => id.bytes(destination)).vector(1, (id) => id.bytes(source));
  return writer.bytes(new Uint8Array(MIN_DATAGRAM_BYTES - writer.length)).finish();
}

/**
 * The version codes of a Version Negotiation packet that answers these ids (RFC 8999 §6), reserved
 * ones left out; undefined for anything else. Throws `PEER_TLS` for one cut short.
 */
export function readQuicVersions(
  datagram: Uint8Array,
  { destination, source }: QuicIds,
): readonly number[] | undefined {
  const reader = new ByteReader(datagram, "PEER_TLS");
  if (reader.left < 7 || (reader.u8("first byte") & 0x80) === 0 || reader.u32("version") !== 0)
    return undefined;
  const [to, from] = [
    reader.take(reader.u8("id length"), "destination id"),
    reader.take(reader.u8("id length"), "source id"),
  ];
  if (Buffer.compare(to, source) !== 0 || Buffer.compare(from, destination) !== 0) return undefined;
  const versions: number[] = [];
  while (reader.left > 0 && versions.length < MAX_VERSIONS) {
    const version = reader.u32("supported version");
    // 0x?a?a?a?a is there to keep clients tolerant (RFC 9000 §15).
    if ((version & 0x0f0f0f0f) !== 0x0a0a0a0a) versions.push(version);
  }
  return versions;
}

/** What QUICv2 was called before RFC 9369. */
const DRAFT_VERSION_2 = 0x709a50c4;

/** `QUICv1`, `QUICv2`, `QUIC draft-29`; others by their number. */
export function quicVersionName(version: number): string {
  const known = QUIC_VERSIONS.find(({ code }) => code === version);
  if (known !== undefined) return known.name;
  if (version === DRAFT_VERSION_2) return "QUICv2 draft";
  return version >>> 8 === 0xff0000
    ? `QUIC draft-${version & 0xff}`
    : `QUIC 0x${version.toString(16).padStart(8, "0")}`;
}

/** A packet with a long header (RFC 9000 §17.2), still protected. */
export type LongPacket =
  | {
      readonly kind: "initial" | "handshake";
      /** Of the sender. */
      readonly source: Uint8Array;
      /** From its first byte to its last. */
      readonly whole: Uint8Array;
      /** Where the protected packet number begins in `whole`. */
      readonly numberOffset: number;
    }
  | { readonly kind: "retry"; readonly source: Uint8Array; readonly token: Uint8Array };

/** Of a Retry packet. */
const INTEGRITY_TAG_BYTES = 16;

/**
 * The packets with a long header of this version in a datagram: what comes behind them, or is of
 * another kind, is left out. Throws `PEER_TLS` for one cut short.
 */
export function readLongPackets(datagram: Uint8Array, version: QuicVersion): LongPacket[] {
  const packets: LongPacket[] = [];
  const { types } = version;
  for (let at = 0; at < datagram.length;) {
    const reader = new ByteReader(datagram.subarray(at), "PEER_TLS");
    const first = reader.u8("first byte");
    // A short header, or zeros that fill the datagram.
    if ((first & 0xc0) !== 0xc0 || reader.u32("version") !== version.code) break;
    reader.take(reader.u8("id length"), "destination id");
    const source = reader.take(reader.u8("id length"), "source id").slice();
    const type = (first >>> 4) & 3;
    if (type === types.retry) {
      packets.push({
        kind: "retry",
        source,
        token: reader.take(reader.left - INTEGRITY_TAG_BYTES, "token").slice(),
      });
      break;
    }
    if (type === types.initial) reader.take(readNumber(reader, "token length"), "token");
    const length = readNumber(reader, "packet length");
    const numberOffset = reader.offset;
    reader.take(length, "packet");
    const whole = datagram.subarray(at, at + numberOffset + length);
    if (type === types.initial) packets.push({ kind: "initial", source, whole, numberOffset });
    if (type === types.handshake) packets.push({ kind: "handshake", source, whole, numberOffset });
    at += numberOffset + length;
  }
  return packets;
}

/** What a packet of the handshake says, as far as it concerns us. */
export type QuicFrame =
  | { readonly kind: "crypto"; readonly offset: number; readonly bytes: Uint8Array }
  /** `code` is 0x100 more than the alert where TLS failed (RFC 9001 §4.8). */
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "ping" };

/**
 * The frames that may stand in Initial and Handshake packets (RFC 9000 §12.4); PADDING and ACK are
 * read over. Throws `PEER_TLS` for others.
 */
export function readQuicFrames(payload: Uint8Array): QuicFrame[] {
  const reader = new ByteReader(payload, "PEER_TLS");
  const frames: QuicFrame[] = [];
  while (reader.left > 0) {
    const type = readNumber(reader, "frame type");
    if (type === FRAME.padding) continue;
    if (type === FRAME.ping) frames.push({ kind: "ping" });
    else if (type === FRAME.ack || type === FRAME.ack + 1) skipAck(reader, type === FRAME.ack + 1);
    else if (type === FRAME.crypto) {
      const offset = readNumber(reader, "crypto offset");
      frames.push({
        kind: "crypto",
        offset,
        bytes: reader.take(readNumber(reader, "crypto length"), "crypto data"),
      });
    } else if (type === FRAME.close || type === FRAME.close + 1) {
      const code = readNumber(reader, "error code");
      if (type === FRAME.close) readNumber(reader, "frame type");
      frames.push({
        kind: "close",
        code,
        reason: new TextDecoder("latin1").decode(
          reader.take(readNumber(reader, "reason length"), "reason"),
        ),
      });
    } else
      throw new AppError(
        "PEER_TLS",
        `Cannot read a QUIC packet: frame type 0x${type.toString(16)} has no place in a handshake`,
      );
  }
  return frames;
}

function skipAck(reader: ByteReader, hasCounts: boolean): void {
  readNumber(reader, "largest acknowledged");
  readNumber(reader, "ack delay");
  const ranges = readNumber(reader, "ack ranges");
  readNumber(reader, "first ack range");
  for (let index = 0; index < ranges; index += 1) {
    readNumber(reader, "gap");
    readNumber(reader, "ack range");
  }
  if (hasCounts)
    for (const name of ["ECT(0) count", "ECT(1) count", "ECN-CE count"]) readNumber(reader, name);
}

/** RFC 9000 §19. */
const FRAME = { padding: 0, ping: 1, ack: 2, crypto: 6, close: 0x1c } as const;

/** A PING frame (RFC 9000 §19.2): asks for an acknowledgement and says nothing else. */
export const PING_FRAME = Uint8Array.of(FRAME.ping);

/** Ends the connection with NO_ERROR (RFC 9000 §19.19), so that the server keeps nothing for us. */
export const CLOSE_FRAME = Uint8Array.of(FRAME.close, 0, 0, 0);

/** A CRYPTO frame (RFC 9000 §19.6) with all of `bytes`, at offset 0. */
export function encodeCryptoFrame(bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter().u8(FRAME.crypto);
  writeNumber(writer, 0);
  writeNumber(writer, bytes.length);
  return writer.bytes(bytes).finish();
}

/** Acknowledges packet numbers, of which there is at least one (RFC 9000 §19.3). */
export function encodeAckFrame(numbers: Iterable<number>): Uint8Array {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...new Set(numbers)].toSorted((a, b) => b - a)) {
    const range = ranges.at(-1);
    if (range !== undefined && range.first === number + 1) range.first = number;
    else ranges.push({ first: number, last: number });
  }
  const writer = new ByteWriter().u8(FRAME.ack);
  writeNumber(writer, ranges[0]?.last ?? 0);
  writeNumber(writer, 0);
  writeNumber(writer, Math.max(0, ranges.length - 1));
  ranges.forEach(({ first, last }, index) => {
    const before = ranges[index - 1];
    if (before !== undefined) writeNumber(writer, before.first - last - 2);
    writeNumber(writer, last - first);
  });
  return writer.finish();
}

/**
 * The parameters of a client that receives no streams (RFC 9000 §18.2): its first id, and when it
 * may be forgotten.
 */
export function encodeTransportParameters(source: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  const parameter = (id: number, body: Uint8Array): void => {
    writeNumber(writer, id);
    writeNumber(writer, body.length);
    writer.bytes(body);
  };
  const idle = new ByteWriter();
  writeNumber(idle, IDLE_MS);
  parameter(0x01, idle.finish());
  parameter(0x0f, source);
  return writer.finish();
}

const IDLE_MS = 5000;

/** A variable-length integer (RFC 9000 §16). Throws `PEER_TLS` for one over 2^53. */
export function readNumber(reader: ByteReader, name: string): number {
  const first = reader.u8(name);
  let value = first & 0x3f;
  for (let left = (1 << (first >>> 6)) - 1; left > 0; left -= 1)
    value = value * 256 + reader.u8(name);
  if (value > Number.MAX_SAFE_INTEGER)
    throw new AppError("PEER_TLS", `Cannot read a QUIC packet: ${name} ${value} is too large`);
  return value;
}

/** Up to 2^30 - 1. */
export function writeNumber(writer: ByteWriter, value: number): void {
  if (value < 0x40) writer.u8(value);
  else if (value < 0x4000) writer.u16(value | 0x4000);
  else writer.u32((value | 0x80000000) >>> 0);
}
