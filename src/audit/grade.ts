import { type CipherSuite, hasForwardSecrecy } from "../tls/cipher-suites.ts";
import { curveStrength, groupName, groupStrength } from "../tls/groups.ts";
import type { Flight } from "../tls/server-flight.ts";
import { readServerKey, type ServerKey } from "../tls/server-key.ts";
import { type Certificate, insecureDigest } from "./certificate/certificate.ts";

/** A suite's letter and what stands behind it, as ssl-enum-ciphers computes both. */
export interface Grade {
  readonly letter: string;
  readonly kexInfo: string | undefined;
  readonly warnings: readonly string[];
}

/** What of a certificate grades go by. */
export type GradedCertificate = Pick<Certificate, "report" | "keyKind" | "rsaExponent">;

/**
 * An accepted suite and what its grade is computed from. `version` is the code on the wire;
 * `certificate` is the leaf, undefined where none was seen.
 */
export interface GradeInput {
  readonly suite: CipherSuite;
  readonly flight: Flight;
  readonly certificate: GradedCertificate | undefined;
  readonly version: number;
}

/** Grades one accepted suite of one version. */
export function gradeSuite(input: GradeInput): Grade {
  const { suite } = input;
  const kex = keyExchange(input);
  const letter = kex.strength === undefined ? "unknown" : letterOf(kex.strength, suite.bits);
  return {
    letter,
    kexInfo: kex.info,
    warnings: [...suiteWarnings(suite, input.version), ...kex.warnings],
  };
}

interface KeyExchange {
  readonly strength: number | undefined;
  readonly info: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * Strength of the key exchange in bits of an RSA key: the weakest of export limit, certificate and
 * the server's own key.
 */
function keyExchange({ suite, flight, certificate }: GradeInput): KeyExchange {
  const warnings: string[] = [];
  let strength: number | undefined;
  let info: string | undefined;
  if (suite.exportBits !== undefined) {
    strength = suite.exportBits;
    warnings.push("Export key exchange");
  }
  if (suite.isAnonymous) {
    strength = 0;
    warnings.push("Anonymous key exchange, score capped at F");
  } else if (
    certificate !== undefined &&
    suite.certificateKey !== undefined &&
    certificate.keyKind === suite.certificateKey
  ) {
    const judged = gradeCertificate(certificate);
    warnings.push(...judged.warnings);
    strength = Math.min(strength ?? Number.POSITIVE_INFINITY, judged.strength);
    info = judged.info;
  }
  const own = ownKey(suite, flight);
  if (own === undefined) return { strength, info, warnings };
  if (own.exponentIsOne) warnings.push(EXPONENT_WARNING);
  // A group that no register knows says nothing of its strength.
  if (own.strength === undefined) return { strength, info: own.info, warnings };
  if (strength !== undefined && strength > own.strength)
    warnings.push(`Key exchange (${own.info}) of lower strength than certificate key`);
  return {
    strength: Math.min(strength ?? Number.POSITIVE_INFINITY, own.exponentIsOne ? 0 : own.strength),
    info: own.info,
    warnings,
  };
}

const EXPONENT_WARNING = "Certificate RSA exponent is 1, score capped at F";

function gradeCertificate({ report, keyKind, rsaExponent }: GradedCertificate): {
  readonly strength: number;
  readonly info: string;
  readonly warnings: readonly string[];
} {
  const warnings: string[] = [];
  const bits = report.keyBits ?? 0;
  const [strength, info] =
    keyKind === "ec"
      ? [curveStrength(curveBits(report.curve ?? "")), report.curve ?? "ec"]
      : [bits, `${keyKind ?? "key"} ${bits}`];
  const digest = insecureDigest(report.signatureAlgorithm);
  if (digest !== undefined)
    warnings.push(`Insecure certificate signature (${digest}), score capped at F`);
  if (rsaExponent === 1) warnings.push(EXPONENT_WARNING);
  return { strength: digest !== undefined || rsaExponent === 1 ? 0 : strength, info, warnings };
}

function curveBits(name: string): number {
  return Number(/\d{3}/.exec(name)?.[0] ?? 256);
}

interface OwnKey {
  readonly strength: number | undefined;
  readonly info: string;
  readonly exponentIsOne: boolean;
}

/**
 * The key that the server made for this handshake: ServerKeyExchange up to TLS 1.2, the group it
 * picked in 1.3.
 */
function ownKey(suite: CipherSuite, flight: Flight): OwnKey | undefined {
  const group = chosenGroup(suite, flight);
  if (group !== undefined)
    return { strength: groupStrength(group), info: curveInfo(group), exponentIsOne: false };
  const key = serverKey(suite, flight);
  if (key === undefined || key.kind === "ec") return undefined;
  return {
    strength: key.bits,
    info: `${key.kind} ${key.bits}`,
    exponentIsOne: key.kind === "rsa" && key.exponent === 1,
  };
}

/** The code of the group that the server chose for a suite; undefined where none took part. */
export function chosenGroup(suite: CipherSuite, flight: Flight): number | undefined {
  if (flight.hello?.version === 0x0304) return flight.hello.group;
  const key = serverKey(suite, flight);
  return key?.kind === "ec" ? key.group : undefined;
}

function serverKey(suite: CipherSuite, { keyExchange }: Flight): ServerKey | undefined {
  try {
    return keyExchange === undefined ? undefined : readServerKey(keyExchange, suite);
  } catch {
    // A broken message tells nothing; the suite was selected all the same.
    return undefined;
  }
}

/** ssl-enum-ciphers writes the Montgomery curves with this prefix. */
function curveInfo(group: number): string {
  const name = groupName(group);
  return name === "x25519" || name === "x448" ? `ecdh_${name}` : name;
}

function suiteWarnings(suite: CipherSuite, version: number): string[] {
  const warnings: string[] = [];
  if (suite.isMd5) warnings.push("Ciphersuite uses MD5 for message integrity");
  if (suite.isCbc && suite.hasSmallBlock)
    warnings.push(`64-bit block cipher ${suite.cipher} vulnerable to SWEET32 attack`);
  if (suite.isCbc && version === 0x0300) warnings.push("CBC-mode cipher in SSLv3 (CVE-2014-3566)");
  if (suite.cipher === "RC4") warnings.push("Broken cipher RC4 is deprecated by RFC 7465");
  if (version === 0x0304 && !suite.isTls13)
    warnings.push("Non-TLSv1.3 ciphersuite chosen for TLSv1.3");
  return warnings;
}

/** The warning of a whole version; undefined when one of its suites has forward secrecy. */
export function forwardSecrecyWarning(suites: readonly CipherSuite[]): string | undefined {
  return suites.some(hasForwardSecrecy) ? undefined : "Forward Secrecy not supported by any cipher";
}

/**
 * SSL Labs' scores of 2009 without their part for the protocol, which is ssl-enum-ciphers' letter.
 */
function letterOf(kexBits: number, cipherBits: number): string {
  const kex = scoreOf(kexBits, [
    [512, 0.2],
    [1024, 0.4],
    [2048, 0.8],
    [4096, 0.9],
  ]);
  const cipher = scoreOf(cipherBits, [
    [128, 0.2],
    [256, 0.8],
  ]);
  const score = kex === 0 || cipher === 0 ? 0 : 0.43 * kex + 0.57 * cipher;
  const letters: readonly (readonly [from: number, letter: string])[] = [
    [0.8, "A"],
    [0.65, "B"],
    [0.5, "C"],
    [0.35, "D"],
    [0.2, "E"],
  ];
  return letters.find(([from]) => score >= from)?.[1] ?? "F";
}

function scoreOf(
  bits: number,
  steps: readonly (readonly [below: number, score: number])[],
): number {
  return bits <= 0 ? 0 : (steps.find(([below]) => bits < below)?.[1] ?? 1);
}

/** The worst letter; `unknown` counts as no letter unless there is no other. */
export function worstLetter(letters: readonly string[]): string {
  const known = letters.filter((letter) => letter !== "unknown").toSorted();
  return known.at(-1) ?? (letters.length > 0 ? "unknown" : "A");
}
