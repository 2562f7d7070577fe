import { ByteReader } from "../lib/byte-reader.ts";
import type { CipherSuite } from "./cipher-suites.ts";

/** The server's own key in a ServerKeyExchange. */
export type ServerKey =
  /** Bits of the prime as it is written, leading zeros included. */
  | { readonly kind: "dh" | "srp"; readonly bits: number; readonly prime: Uint8Array }
  | { readonly kind: "ec"; readonly group: number }
  /** An export suite's short RSA key; `exponent` is 0 when it is too long to matter. */
  | { readonly kind: "rsa"; readonly bits: number; readonly exponent: number };

/**
 * The key in a ServerKeyExchange (RFC 5246 §7.4.3, RFC 8422 §5.4, RFC 5054 §2.5.3); undefined when
 * the suite has none. Throws `PEER_TLS`.
 */
export function readServerKey(body: Uint8Array, suite: CipherSuite): ServerKey | undefined {
  return readKey(new ByteReader(body, "PEER_TLS"), suite);
}

/**
 * The scheme that signs a ServerKeyExchange of TLS 1.2 (RFC 5246 §7.4.3); undefined where nothing
 * is signed. Throws `PEER_TLS`.
 */
export function readKeyScheme(body: Uint8Array, suite: CipherSuite): number | undefined {
  const reader = new ByteReader(body, "PEER_TLS");
  const key = readKey(reader, suite);
  if (key === undefined || suite.isAnonymous || suite.hasPskHint) return undefined;
  // What follows the parameters that were read: the public value, and for SRP its salt before it.
  if (key.kind === "ec") reader.sub(reader.u8("point length"), "point");
  if (key.kind === "dh")
    for (const name of ["generator", "public value"])
      reader.sub(reader.u16(`${name} length`), name);
  if (key.kind === "srp") {
    reader.sub(reader.u16("generator length"), "generator");
    reader.sub(reader.u8("salt length"), "salt");
    reader.sub(reader.u16("public value length"), "public value");
  }
  return reader.u16("signature scheme");
}

function readKey(
  reader: ByteReader,
  { ephemeral: kind, hasPskHint }: CipherSuite,
): ServerKey | undefined {
  if (kind === undefined) return undefined;
  if (hasPskHint) reader.sub(reader.u16("PSK hint length"), "PSK hint");
  if (kind === "ec") {
    // Only named curves exist in practice; explicit ones (1, 2) were never used.
    return reader.u8("curve type") === 3 ? { kind, group: reader.u16("curve") } : undefined;
  }
  const prime = reader.take(reader.u16("prime or modulus length"), "prime or modulus");
  const bits = prime.length * 8;
  if (kind !== "rsa") return { kind, bits, prime };
  const exponent = reader.take(reader.u16("exponent length"), "exponent");
  return {
    kind,
    bits,
    exponent: exponent.length > 4 ? 0 : exponent.reduce((sum, byte) => sum * 256 + byte, 0),
  };
}
