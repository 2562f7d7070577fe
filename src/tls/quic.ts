import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";

/** A server ignores a first datagram that is shorter (RFC 9000 §14.1). */
const MIN_DATAGRAM_BYTES = 1200;

/** A version that no server has (RFC 9000 §15): it answers with those that it does have. */
const UNKNOWN_VERSION = 0x1a2a3a4a;

/** Versions of one answer that are kept. */
const MAX_VERSIONS = 32;

export interface QuicIds {
  /** 8 to 20 bytes. */
  readonly destination: Uint8Array;
  /** Up to 20 bytes. */
  readonly source: Uint8Array;
}

/** A packet that makes a QUIC server tell its versions (RFC 8999 §5.1, RFC 9000 §6.1); it starts no handshake. */
export function encodeQuicQuestion({ destination, source }: QuicIds): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(0xc0).bytes(Uint8Array.of(UNKNOWN_VERSION >>> 24, 0x2a, 0x3a, 0x4a));
  writer.vector(1, (id) => id.bytes(destination)).vector(1, (id) => id.bytes(source));
  return writer.bytes(new Uint8Array(MIN_DATAGRAM_BYTES - writer.length)).finish();
}

/** The version codes of a Version Negotiation packet that answers these ids (RFC 8999 §6), reserved ones left out; undefined for anything else. Throws `PEER_TLS` for one cut short. */
export function readQuicVersions(datagram: Uint8Array, { destination, source }: QuicIds): readonly number[] | undefined {
  const reader = new ByteReader(datagram, "PEER_TLS");
  if (reader.left < 7 || (reader.u8("first byte") & 0x80) === 0 || reader.u32("version") !== 0) return undefined;
  const [to, from] = [reader.take(reader.u8("id length"), "destination id"), reader.take(reader.u8("id length"), "source id")];
  if (!isSame(to, source) || !isSame(from, destination)) return undefined;
  const versions: number[] = [];
  while (reader.left > 0 && versions.length < MAX_VERSIONS) {
    const version = reader.u32("supported version");
    // 0x?a?a?a?a is there to keep clients tolerant (RFC 9000 §15).
    if ((version & 0x0f0f0f0f) !== 0x0a0a0a0a) versions.push(version);
  }
  return versions;
}

/** `QUICv1`, `QUICv2`, `QUIC draft-29`; others by their number. */
export function quicVersionName(version: number): string {
  if (version === 1) return "QUICv1";
  if (version === 0x6b3343cf) return "QUICv2";
  return version >>> 8 === 0xff0000 ? `QUIC draft-${version & 0xff}` : `QUIC 0x${version.toString(16).padStart(8, "0")}`;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
