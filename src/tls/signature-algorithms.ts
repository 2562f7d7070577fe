import { POST_QUANTUM_SIGNATURES } from "./post-quantum-signatures.ts";

/**
 * Signature algorithms by object identifier (RFC 3279, 4055, 5758, 8410, 9882; the rest from the
 * hash's own).
 */
const NAMES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
  "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
  "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
  "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
  "1.3.14.3.2.29": "sha1WithRSA",
  "1.2.840.113549.1.1.10": "rsassaPss",
  "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
  "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
  "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
  "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
  "1.2.840.10040.4.3": "dsa-with-sha1",
  "2.16.840.1.101.3.4.3.1": "dsa-with-sha224",
  "2.16.840.1.101.3.4.3.2": "dsa-with-sha256",
  "1.2.840.10045.4.1": "ecdsa-with-sha1",
  "1.2.840.10045.4.3.1": "ecdsa-with-sha224",
  "1.2.840.10045.4.3.2": "ecdsa-with-sha256",
  "1.2.840.10045.4.3.3": "ecdsa-with-sha384",
  "1.2.840.10045.4.3.4": "ecdsa-with-sha512",
  "1.3.101.112": "ed25519",
  "1.3.101.113": "ed448",
  ...POST_QUANTUM_SIGNATURES,
  "1.2.156.10197.1.501": "sm2-with-sm3",
};

/** An algorithm's name, or its object identifier where no register knows it. */
export function signatureName(identifier: string): string {
  return NAMES[identifier] ?? identifier;
}
