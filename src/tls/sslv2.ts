import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";

/**
 * Cipher kinds of SSL 2.0 (Hickman's draft, appendix C.4), with the names that OpenSSL gave them.
 */
export const SSLV2_CIPHERS: ReadonlyMap<number, string> = new Map([
  [0x010080, "SSL2_RC4_128_WITH_MD5"],
  [0x020080, "SSL2_RC4_128_EXPORT40_WITH_MD5"],
  [0x030080, "SSL2_RC2_128_CBC_WITH_MD5"],
  [0x040080, "SSL2_RC2_128_CBC_EXPORT40_WITH_MD5"],
  [0x050080, "SSL2_IDEA_128_CBC_WITH_MD5"],
  [0x060040, "SSL2_DES_64_CBC_WITH_MD5"],
  [0x0700c0, "SSL2_DES_192_EDE3_CBC_WITH_MD5"],
  [0x080080, "SSL2_RC4_64_WITH_MD5"],
  [0x000000, "SSL2_NULL_WITH_MD5"],
]);

/** A CLIENT-HELLO that offers every cipher kind; `challenge` has 16 to 32 bytes. */
export function encodeSslv2ClientHello(challenge: Uint8Array): Uint8Array {
  const body = new ByteWriter();
  body
    .u8(1)
    .u16(2)
    .u16(SSLV2_CIPHERS.size * 3)
    .u16(0)
    .u16(challenge.length);
  for (const kind of SSLV2_CIPHERS.keys()) body.u8(kind >>> 16).u16(kind & 0xffff);
  const message = body.bytes(challenge).finish();
  return new ByteWriter()
    .u16(0x8000 | message.length)
    .bytes(message)
    .finish();
}

/** What a SERVER-HELLO of SSL 2.0 offers: its certificate and its cipher kinds. */
export interface Sslv2ServerHello {
  /** DER; empty when the server sends none. */
  readonly certificate: Uint8Array;
  /** Codes of the cipher kinds that it takes. */
  readonly ciphers: readonly number[];
}

/**
 * Bytes of a SERVER-HELLO's record in all, once two of them are here; undefined for what is no
 * record of SSL 2.0. At most 32,769.
 */
export function sslv2RecordLength(head: Uint8Array): number | undefined {
  const [first = 0, second = 0] = head;
  return (first & 0x80) === 0 ? undefined : 2 + (((first & 0x7f) << 8) | second);
}

/**
 * Reads a SERVER-HELLO; undefined when the record holds something else, such as an ERROR. Throws
 * `PEER_TLS` for a broken one.
 */
export function readSslv2ServerHello(record: Uint8Array): Sslv2ServerHello | undefined {
  const reader = new ByteReader(record.subarray(2), "PEER_TLS");
  if (reader.u8("message type") !== 4) return undefined;
  reader.take(2, "session id hit and certificate type");
  if (reader.u16("server version") !== 2) return undefined;
  const lengths = ["certificate", "ciphers", "connection id"].map((name) =>
    reader.u16(`length of ${name}`),
  ) as [number, number, number];
  const certificate = reader.take(lengths[0], "certificate").slice();
  const kinds = reader.sub(lengths[1], "ciphers");
  const ciphers: number[] = [];
  while (kinds.left >= 3) ciphers.push(kinds.u24("cipher"));
  return { certificate, ciphers };
}
