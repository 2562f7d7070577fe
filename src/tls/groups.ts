/**
 * A key exchange group: its code, its name as reports print it, its strength as an elliptic curve
 * of that size.
 */
interface Group {
  readonly code: number;
  readonly name: string;
  /** Size that grades go by; for finite fields the prime's bits. */
  readonly bits: number;
  readonly kind: "ec" | "dh" | "hybrid";
}

/**
 * IANA "TLS Supported Groups" (RFC 8422, 7919, 8446, 8734, 9189, draft-ietf-tls-ecdhe-mlkem), in
 * the order they are offered.
 */
const GROUPS: readonly Group[] = [
  { code: 23, name: "secp256r1", bits: 256, kind: "ec" },
  { code: 24, name: "secp384r1", bits: 384, kind: "ec" },
  { code: 25, name: "secp521r1", bits: 521, kind: "ec" },
  { code: 29, name: "x25519", bits: 256, kind: "ec" },
  { code: 30, name: "x448", bits: 448, kind: "ec" },
  { code: 256, name: "ffdhe2048", bits: 2048, kind: "dh" },
  { code: 257, name: "ffdhe3072", bits: 3072, kind: "dh" },
  { code: 258, name: "ffdhe4096", bits: 4096, kind: "dh" },
  { code: 259, name: "ffdhe6144", bits: 6144, kind: "dh" },
  { code: 260, name: "ffdhe8192", bits: 8192, kind: "dh" },
  { code: 4588, name: "X25519MLKEM768", bits: 25519, kind: "hybrid" },
  { code: 4587, name: "SecP256r1MLKEM768", bits: 25519, kind: "hybrid" },
  { code: 4589, name: "SecP384r1MLKEM1024", bits: 25519, kind: "hybrid" },
  { code: 512, name: "MLKEM512", bits: 512, kind: "hybrid" },
  { code: 513, name: "MLKEM768", bits: 768, kind: "hybrid" },
  { code: 514, name: "MLKEM1024", bits: 1024, kind: "hybrid" },
  { code: 26, name: "brainpoolP256r1", bits: 256, kind: "ec" },
  { code: 27, name: "brainpoolP384r1", bits: 384, kind: "ec" },
  { code: 28, name: "brainpoolP512r1", bits: 512, kind: "ec" },
  { code: 31, name: "brainpoolP256r1tls13", bits: 256, kind: "ec" },
  { code: 32, name: "brainpoolP384r1tls13", bits: 384, kind: "ec" },
  { code: 33, name: "brainpoolP512r1tls13", bits: 512, kind: "ec" },
  { code: 22, name: "secp256k1", bits: 256, kind: "ec" },
  { code: 21, name: "secp224r1", bits: 224, kind: "ec" },
  { code: 20, name: "secp224k1", bits: 224, kind: "ec" },
  { code: 19, name: "secp192r1", bits: 192, kind: "ec" },
  { code: 18, name: "secp192k1", bits: 192, kind: "ec" },
  { code: 17, name: "secp160r2", bits: 160, kind: "ec" },
  { code: 16, name: "secp160r1", bits: 160, kind: "ec" },
  { code: 15, name: "secp160k1", bits: 160, kind: "ec" },
  { code: 14, name: "sect571r1", bits: 571, kind: "ec" },
  { code: 13, name: "sect571k1", bits: 571, kind: "ec" },
  { code: 12, name: "sect409r1", bits: 409, kind: "ec" },
  { code: 11, name: "sect409k1", bits: 409, kind: "ec" },
  { code: 10, name: "sect283r1", bits: 283, kind: "ec" },
  { code: 9, name: "sect283k1", bits: 283, kind: "ec" },
  { code: 8, name: "sect239k1", bits: 239, kind: "ec" },
  { code: 7, name: "sect233r1", bits: 233, kind: "ec" },
  { code: 6, name: "sect233k1", bits: 233, kind: "ec" },
  { code: 41, name: "curveSM2", bits: 256, kind: "ec" },
];

const BY_CODE: ReadonlyMap<number, Group> = new Map(GROUPS.map((group) => [group.code, group]));

/** All group codes, in the order they are offered. */
export const GROUP_CODES: readonly number[] = GROUPS.map((group) => group.code);

/**
 * The groups that a hello of a version may offer: TLS 1.3 forbids what it calls obsolete (RFC 8446
 * §4.2.7), and some servers refuse hellos with them.
 */
export function groupCodes(version: number): readonly number[] {
  return version === 0x0304 ? MODERN_CODES : GROUP_CODES;
}

const MODERN_CODES = GROUP_CODES.filter((code) => code > 22 && !(code >= 26 && code <= 28));

/** A group's name; one that no register knows is kept by its number. */
export function groupName(code: number): string {
  return BY_CODE.get(code)?.name ?? `group 0x${code.toString(16).padStart(4, "0")}`;
}

/**
 * A group's strength in bits of an RSA key, as ssl-enum-ciphers grades it; undefined when it is
 * unknown.
 */
export function groupStrength(code: number): number | undefined {
  const group = BY_CODE.get(code);
  if (group === undefined) return undefined;
  return group.kind === "dh"
    ? group.bits
    : group.kind === "hybrid"
      ? 15_360
      : curveStrength(group.bits);
}

/**
 * RSA-equivalent bits of an elliptic curve by its size (NIST SP 800-57, as ssl-enum-ciphers rounds
 * it).
 */
export function curveStrength(bits: number): number {
  const steps: readonly (readonly [below: number, strength: number])[] = [
    [160, 512],
    [224, 1024],
    [256, 2048],
    [384, 3072],
    [512, 7680],
  ];
  return steps.find(([below]) => bits < below)?.[1] ?? 15_360;
}

const BY_NAME: ReadonlyMap<string, number> = new Map(GROUPS.map(({ code, name }) => [name, code]));

/** The code of a group by its name, as `groupName` gives it. */
export function groupCode(name: string): number | undefined {
  return BY_NAME.get(name);
}
