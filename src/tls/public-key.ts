import { DerReader, oidText, TAG } from "./der.ts";
import { POST_QUANTUM_SIGNATURES } from "./post-quantum-signatures.ts";
import type { X509 } from "./x509.ts";

/**
 * A certificate's key as far as reports and grades need it; also of kinds that OpenSSL refuses to
 * load.
 */
export interface PublicKeyFacts {
  /**
   * `rsa`, `rsa-pss`, `dsa`, `dh`, `ec`, `ed25519`, …; the object identifier of kinds that no table
   * here knows.
   */
  readonly type: string;
  /** Bits of the modulus or prime; undefined for elliptic keys. */
  readonly bits?: number;
  /** TLS's name of the curve; `explicit` for a curve that is spelt out. */
  readonly curve?: string;
  readonly exponent?: bigint;
}

/** Key algorithms by object identifier (RFC 3279 §2.3, 4055, 5480, 8410, 9881). */
const KEY_TYPES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.1": "rsa",
  "1.2.840.113549.1.1.10": "rsa-pss",
  "1.2.840.10040.4.1": "dsa",
  "1.2.840.113549.1.3.1": "dh",
  "1.2.840.10046.2.1": "dh",
  "1.2.840.10045.2.1": "ec",
  "1.3.101.112": "ed25519",
  "1.3.101.113": "ed448",
  ...POST_QUANTUM_SIGNATURES,
  "1.2.643.7.1.1.1.1": "gost2012-256",
  "1.2.643.7.1.1.1.2": "gost2012-512",
  "1.2.643.2.2.19": "gost2001",
};

/** Curves by object identifier, with the names of the TLS registry (RFC 8422 §5.1.1, RFC 7027). */
const CURVES: Readonly<Record<string, string>> = {
  "1.2.840.10045.3.1.1": "secp192r1",
  "1.2.840.10045.3.1.7": "secp256r1",
  "1.3.132.0.33": "secp224r1",
  "1.3.132.0.34": "secp384r1",
  "1.3.132.0.35": "secp521r1",
  "1.3.132.0.10": "secp256k1",
  "1.3.132.0.31": "secp192k1",
  "1.3.132.0.32": "secp224k1",
  "1.3.132.0.8": "secp160r1",
  "1.3.132.0.9": "secp160k1",
  "1.3.132.0.30": "secp160r2",
  "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
  "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
  "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
  "1.3.132.0.1": "sect163k1",
  "1.3.132.0.15": "sect163r2",
  "1.3.132.0.26": "sect233k1",
  "1.3.132.0.27": "sect233r1",
  "1.3.132.0.16": "sect283k1",
  "1.3.132.0.17": "sect283r1",
  "1.3.132.0.36": "sect409k1",
  "1.3.132.0.37": "sect409r1",
  "1.3.132.0.38": "sect571k1",
  "1.3.132.0.39": "sect571r1",
  "1.2.156.10197.1.301": "curveSM2",
};

/**
 * What kind of key a certificate holds and how long it is. Throws `PEER_CERTIFICATE` where the
 * key's own bytes cannot be read.
 */
export function readPublicKey({
  keyAlgorithm,
  publicKey,
}: Pick<X509, "keyAlgorithm" | "publicKey">): PublicKeyFacts {
  const type = KEY_TYPES[keyAlgorithm.oid] ?? keyAlgorithm.oid;
  if (type === "rsa" || type === "rsa-pss") return { type, ...rsaFacts(publicKey) };
  if (type === "dsa" || type === "dh") {
    // A key may leave its parameters to the issuer's (RFC 3279 §2.3.2).
    if (keyAlgorithm.parameters[0] !== TAG.sequence) return { type };
    return {
      type,
      bits: bitLength(
        new DerReader(keyAlgorithm.parameters)
          .inside("parameters", TAG.sequence)
          .next("prime", TAG.integer).body,
      ),
    };
  }
  if (type !== "ec") return { type };
  const named = new DerReader(keyAlgorithm.parameters).optional(TAG.oid, "curve");
  const oid = named === undefined ? undefined : oidText(named.body);
  return { type, curve: oid === undefined ? "explicit" : (CURVES[oid] ?? oid) };
}

function rsaFacts(publicKey: Uint8Array): Pick<PublicKeyFacts, "bits" | "exponent"> {
  const parts = new DerReader(publicKey).inside("RSA key", TAG.sequence);
  const modulus = parts.next("modulus", TAG.integer).body;
  const exponent = parts.next("exponent", TAG.integer).body;
  return {
    bits: bitLength(modulus),
    exponent: exponent
      .subarray(0, MAX_EXPONENT)
      .reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
  };
}

/**
 * Bytes of an exponent that are looked at: real ones have three, and nothing is asked of one but
 * whether it is 1.
 */
const MAX_EXPONENT = 64;

/** Bits of a number without the zeros before it. */
function bitLength(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
