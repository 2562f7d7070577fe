/** A signature scheme: its code, and its name in the register. */
interface SignatureScheme {
  readonly code: number;
  readonly name: string;
}

/**
 * IANA "TLS SignatureScheme", in the order they are offered: SHA-1 and SHA-256 before longer
 * hashes, for a server with a 512-bit RSA key cannot sign those and takes the
 * first it is offered (RFC 8446 §4.2.3, RFC 8734, RFC 8998; ML-DSA: draft-ietf-tls-mldsa). The
 * pairs of TLS 1.2 that have no name there (RFC 5246 §7.4.1.4.1) are
 * named in the same way.
 */
const SIGNATURE_SCHEMES: readonly SignatureScheme[] = [
  { code: 0x0401, name: "rsa_pkcs1_sha256" },
  { code: 0x0201, name: "rsa_pkcs1_sha1" },
  { code: 0x0403, name: "ecdsa_secp256r1_sha256" },
  { code: 0x0203, name: "ecdsa_sha1" },
  { code: 0x0804, name: "rsa_pss_rsae_sha256" },
  { code: 0x0809, name: "rsa_pss_pss_sha256" },
  { code: 0x0501, name: "rsa_pkcs1_sha384" },
  { code: 0x0503, name: "ecdsa_secp384r1_sha384" },
  { code: 0x0805, name: "rsa_pss_rsae_sha384" },
  { code: 0x080a, name: "rsa_pss_pss_sha384" },
  { code: 0x0601, name: "rsa_pkcs1_sha512" },
  { code: 0x0603, name: "ecdsa_secp521r1_sha512" },
  { code: 0x0806, name: "rsa_pss_rsae_sha512" },
  { code: 0x080b, name: "rsa_pss_pss_sha512" },
  { code: 0x0807, name: "ed25519" },
  { code: 0x0808, name: "ed448" },
  { code: 0x0402, name: "dsa_sha256" },
  { code: 0x0202, name: "dsa_sha1" },
  { code: 0x0301, name: "rsa_pkcs1_sha224" },
  { code: 0x0303, name: "ecdsa_sha224" },
  { code: 0x0101, name: "rsa_pkcs1_md5" },
  { code: 0x081a, name: "ecdsa_brainpoolP256r1tls13_sha256" },
  { code: 0x081b, name: "ecdsa_brainpoolP384r1tls13_sha384" },
  { code: 0x081c, name: "ecdsa_brainpoolP512r1tls13_sha512" },
  { code: 0x0904, name: "mldsa44" },
  { code: 0x0905, name: "mldsa65" },
  { code: 0x0906, name: "mldsa87" },
  { code: 0x0708, name: "sm2sig_sm3" },
  { code: 0x0302, name: "dsa_sha224" },
  { code: 0x0502, name: "dsa_sha384" },
  { code: 0x0602, name: "dsa_sha512" },
];

const NAMES: ReadonlyMap<number, string> = new Map(
  SIGNATURE_SCHEMES.map(({ code, name }) => [code, name]),
);

/** All scheme codes, in the order they are offered. */
export const SCHEME_CODES: readonly number[] = SIGNATURE_SCHEMES.map(({ code }) => code);

/**
 * The schemes that a hello of a version may offer: TLS 1.3 forbids MD5, SHA-224 and DSA (RFC 8446
 * §4.2.3).
 */
export function schemeCodes(version: number): readonly number[] {
  return version === 0x0304 ? MODERN_CODES : SCHEME_CODES;
}

/** SHA-1 may still be offered, for certificates. */
const MODERN_CODES = SCHEME_CODES.filter(
  (code) => code >> 8 !== 1 && code >> 8 !== 3 && ((code & 0xff) !== 2 || code >> 8 > 6),
);

/** A scheme's name; one that no register knows is kept by its number. */
export function schemeName(code: number): string {
  return NAMES.get(code) ?? `scheme 0x${code.toString(16).padStart(4, "0")}`;
}
