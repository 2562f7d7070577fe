import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto";
import { DerReader, oidText, TAG } from "../../tls/der.ts";
import { signatureName } from "../../tls/signature-algorithms.ts";
import type { AlgorithmIdentifier, X509 } from "../../tls/x509.ts";

/** A signed thing: a certificate, an OCSP response. */
export type Signed = Pick<X509, "signed" | "signatureAlgorithm" | "signature">;

/**
 * Whether `key` made the signature; undefined when the algorithm is none that OpenSSL can check.
 * Never throws.
 */
export function isSignedBy(
  { signed, signatureAlgorithm, signature }: Signed,
  key: KeyObject,
): boolean | undefined {
  try {
    const how = methodOf(signatureAlgorithm, key);
    return how === undefined ? undefined : verify(how.digest, signed, how.key, signature);
  } catch {
    // OpenSSL throws for a key of another kind and for algorithms that it was built without.
    return key.asymmetricKeyType === keyTypeOf(signatureAlgorithm) ? undefined : false;
  }
}

interface Method {
  readonly digest: string | null;
  readonly key: KeyObject | VerifyKeyObjectInput;
}

/** How `crypto.verify` is asked for an algorithm. */
function methodOf(algorithm: AlgorithmIdentifier, key: KeyObject): Method | undefined {
  const name = signatureName(algorithm.oid);
  if (name === "rsassaPss") {
    const { digest, saltLength } = pssParameters(algorithm.parameters);
    return digest === undefined
      ? undefined
      : { digest, key: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } };
  }
  if (key.asymmetricKeyType !== keyTypeOf(algorithm)) throw new TypeError("another kind of key");
  if (/^(?:ed\d|ml-dsa|slh-dsa)/.test(name)) return { digest: null, key };
  const digest = /md5|sha1|sha224|sha256|sha384|sha512/.exec(name)?.[0];
  return digest === undefined ? undefined : { digest, key };
}

/** The kind of key that an algorithm is made with, in Node's words. */
function keyTypeOf(algorithm: AlgorithmIdentifier): string | undefined {
  const name = signatureName(algorithm.oid);
  if (/RSA/.test(name)) return "rsa";
  if (name.startsWith("ecdsa")) return "ec";
  return name.startsWith("dsa") ? "dsa" : name;
}

/** Digests by object identifier (RFC 8017 §A.1). */
const DIGESTS: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.4": "sha224",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** RSASSA-PSS-params (RFC 4055 §3.1): SHA-1 and 20 bytes of salt where nothing is said. */
function pssParameters(parameters: Uint8Array): {
  readonly digest: string | undefined;
  readonly saltLength: number;
} {
  if (parameters.length === 0) return { digest: "sha1", saltLength: 20 };
  const parts = new DerReader(parameters).inside("PSS parameters", TAG.sequence);
  const hash = parts.optional(0xa0, "hash");
  parts.optional(0xa1, "mask generation");
  const salt = parts.optional(0xa2, "salt length");
  const oid =
    hash === undefined
      ? undefined
      : oidText(new DerReader(hash.body).inside("hash", TAG.sequence).next("hash", TAG.oid).body);
  const saltLength =
    salt === undefined
      ? 20
      : new DerReader(salt.body)
          .next("salt length", TAG.integer)
          .body.reduce((sum, byte) => sum * 256 + byte, 0);
  return { digest: oid === undefined ? "sha1" : DIGESTS[oid], saltLength };
}
