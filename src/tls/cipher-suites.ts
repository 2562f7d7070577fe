import { SUITE_NAMES } from "./suite-names.ts";

/** Which kind of key the certificate must hold for a suite. */
export type KeyKind = "rsa" | "dsa" | "ec" | "dh";

/** One cipher suite and what its name says. */
export interface CipherSuite {
  readonly id: number;
  readonly name: string;
  /** `RSA`, `ECDHE_ECDSA`, `DH_anon_EXPORT`, … */
  readonly keyExchange: string;
  /** Undefined where no certificate takes part, or one of a kind that no grade knows. */
  readonly certificateKey: KeyKind | undefined;
  readonly isAnonymous: boolean;
  /** Bits that an export suite's key exchange is held to, undefined for others. */
  readonly exportBits: number | undefined;
  /** What the server's own key in ServerKeyExchange is, undefined for key exchanges without one. */
  readonly ephemeral: "dh" | "ec" | "rsa" | "srp" | undefined;
  /** ServerKeyExchange begins with a hint for the client's pre-shared key (RFC 4279). */
  readonly hasPskHint: boolean;
  /** `AES`, `3DES`, `RC4`, `CHACHA20`, … */
  readonly cipher: string;
  /** Effective strength of the cipher in bits, 0 for NULL. */
  readonly bits: number;
  readonly isCbc: boolean;
  /** A block of 64 bits or less (SWEET32). */
  readonly hasSmallBlock: boolean;
  readonly isMd5: boolean;
  /** Offered in TLS 1.3, and what may be selected there. */
  readonly isTls13: boolean;
  /** Offered in TLS 1.2 and older. ECCPWD suites are both (RFC 8492). */
  readonly isOlder: boolean;
}

/** A suite by its code; one that no register knows is kept by its number. */
export function cipherSuite(id: number): CipherSuite {
  return (
    CIPHER_SUITES.get(id) ??
    describeSuite(id, `0x${id.toString(16).toUpperCase().padStart(4, "0")}`)
  );
}

function describeSuite(id: number, name: string): CipherSuite {
  const [, keyExchange = "", rest = ""] = SUITE_NAME.exec(name) ?? [];
  const exportBits = /EXPORT1024/.test(keyExchange)
    ? 1024
    : /EXPORT/.test(keyExchange)
      ? 512
      : undefined;
  const cipher = cipherOf(rest);
  const isTls13 = /^(?:AKE|ECCPWD)$/.test(keyExchange) || rest.includes("_MGM_");
  return {
    id,
    name,
    keyExchange,
    certificateKey: certificateKeyOf(keyExchange),
    isAnonymous: /anon|^NULL$/.test(keyExchange),
    exportBits,
    ephemeral: ephemeralOf(keyExchange),
    hasPskHint: /PSK/.test(keyExchange),
    cipher,
    bits: bitsOf(cipher, rest, exportBits !== undefined),
    isCbc: /CBC/.test(rest),
    hasSmallBlock: /^(?:3DES|DES|DES40|RC2|IDEA)$/.test(cipher),
    isMd5: rest.endsWith("_MD5"),
    isTls13,
    isOlder: !isTls13 || keyExchange === "ECCPWD",
  };
}

/** Key exchange and the rest; names of drafts put NULL before WITH, or leave WITH out. */
const SUITE_NAME =
  /^(?:TLS|SSL)_(.*?)_(?:WITH_)?((?:NULL_WITH_|NULL|28147|3DES|A(?:ES|EGIS|RIA)|CAMELLIA|CHACHA20|DES|FORTEZZA_CBC|IDEA|KUZNYECHIK|MAGMA|RC[24]|SEED|SM4)_?.*?)(?:-draft)?$/;

function certificateKeyOf(keyExchange: string): KeyKind | undefined {
  if (/^(?:RSA|DHE_RSA|ECDHE_RSA|SRP_SHA_RSA)/.test(keyExchange)) return "rsa";
  if (/^(?:DHE_DSS|SRP_SHA_DSS)/.test(keyExchange)) return "dsa";
  if (/^(?:ECDHE_ECDSA|ECDH_(?!anon)|ECMQV_)/.test(keyExchange)) return "ec";
  return /^(?:DH_RSA|DH_DSS)/.test(keyExchange) ? "dh" : undefined;
}

function ephemeralOf(keyExchange: string): CipherSuite["ephemeral"] {
  if (/^(?:ECDHE_|ECDH_anon)/.test(keyExchange)) return "ec";
  if (keyExchange.startsWith("RSA_EXPORT")) return "rsa";
  if (keyExchange.startsWith("SRP_")) return "srp";
  return /^(?:DHE_|DH_anon|PSK_DHE)/.test(keyExchange) ? "dh" : undefined;
}

function cipherOf(rest: string): string {
  return /^[A-Z0-9]+/.exec(rest)?.[0].replace(/^28147$/, "GOST28147") ?? "";
}

/** Strength by name where the name's number does not tell it. */
const FIXED_BITS: Readonly<Record<string, number>> = {
  "3DES": 112,
  DES: 56,
  DES40: 40,
  RC2: 40,
  IDEA: 128,
  SEED: 128,
  SM4: 128,
  FORTEZZA: 80,
  CHACHA20: 256,
  NULL: 0,
  GOST28147: 256,
  KUZNYECHIK: 256,
  MAGMA: 256,
};

function bitsOf(cipher: string, rest: string, isExport: boolean): number {
  const number = Number(/_(\d+)L?(?:_|$)/.exec(rest)?.[1] ?? 0);
  if (isExport && number > 0) return number;
  // What is left of RC4 is at most 80 bits.
  if (cipher === "RC4") return Math.min(number, 80);
  return FIXED_BITS[cipher] ?? number;
}

/** Forward secrecy as ssl-enum-ciphers counts it: ephemeral and authenticated, SRP included. */
export function hasForwardSecrecy(suite: CipherSuite): boolean {
  return suite.isTls13 || /^(?:DHE_|ECDHE_|PSK_DHE|SRP_)/.test(suite.keyExchange);
}

/** All known suites by code. */
export const CIPHER_SUITES: ReadonlyMap<number, CipherSuite> = new Map(
  SUITE_NAMES.trim()
    .split(/\s+/)
    .map((entry): [number, CipherSuite] => {
      const [code = "", name = ""] = entry.split(":");
      const id = Number.parseInt(code, 16);
      return [id, describeSuite(id, name)];
    }),
);
