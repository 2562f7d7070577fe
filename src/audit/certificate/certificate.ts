import { X509Certificate, createHash, createPublicKey, type KeyObject } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import { nameKey } from "../../tls/canonical-name.ts";
import { hexText } from "../../tls/der.ts";
import { type PublicKeyFacts, readPublicKey } from "../../tls/public-key.ts";
import { signatureName } from "../../tls/signature-algorithms.ts";
import { nameText, readX509, type X509, type X509Fault } from "../../tls/x509.ts";
import {
  EXTENSION,
  alternativeNames,
  authorityInfo,
  authorityKeyId,
  basicConstraints,
  crlUrls,
  embeddedScts,
  extendedKeyUsage,
  keyUsage,
  mustStaple,
  nameConstraints,
  subjectKeyId,
} from "../../tls/x509-extensions.ts";
import type { CertificateReport, UnreadablePart } from "../report.ts";
import { isSignedBy } from "./verify-signature.ts";

/** A certificate as far as it can be read. */
export interface Certificate {
  readonly report: CertificateReport;
  readonly x509: X509;
  /** Undefined for keys that OpenSSL cannot load. */
  readonly key: KeyObject | undefined;
  /**
   * Kind of the key in the terms of cipher suites; undefined for Ed25519, Ed448, RSA-PSS and
   * unknown ones.
   */
  readonly keyKind: "rsa" | "dsa" | "ec" | "dh" | undefined;
  readonly rsaExponent: number | undefined;
}

/**
 * Reads a DER certificate as far as it can be read; never throws. What cannot be read stands in
 * the report's `unreadable`.
 */
export function readCertificate(der: Uint8Array): Certificate {
  const x509 = readX509(der);
  const unreadable: UnreadablePart[] = x509.faults.map(faultText);
  const attempt: Attempt = (part, bytes, read) => {
    try {
      return read();
    } catch (thrown) {
      // What has no bytes is missing, which was said before.
      if (bytes.length > 0) unreadable.push(faultText({ part, reason: messageOf(thrown), bytes }));
      return undefined;
    }
  };
  const facts = attempt("public key", x509.publicKeyInfo, () => readPublicKey(x509)) ?? UNKNOWN;
  const key = attempt("public key", x509.publicKeyInfo, () => loadedKey(x509.publicKeyInfo));
  const oddities = [...shapeOddities(x509), ...(facts.exponent === 1n ? [EXPONENT_ODDITY] : [])];
  const extensions = extensionFacts(x509, attempt);
  // Most clients would refuse what OpenSSL refuses to read, whatever is left of it for us.
  if (unreadable.length === 0) attempt("whole", x509.der, () => new X509Certificate(x509.der).raw);
  return {
    report: {
      ...reportOf(x509, facts, key),
      ...extensions,
      ...(oddities.length === 0 ? {} : { oddities }),
      ...(unreadable.length === 0 ? {} : { unreadable }),
    },
    x509,
    key,
    keyKind: kindOf(facts),
    rsaExponent: facts.exponent === undefined ? undefined : Number(facts.exponent),
  };
}

type Attempt = <T>(part: string, bytes: Uint8Array, read: () => T) => T | undefined;

const UNKNOWN: PublicKeyFacts = { type: "unknown" };

/** Bytes of an unreadable part that are shown. */
const SHOWN_BYTES = 64;

function faultText({ part, reason, bytes }: X509Fault): UnreadablePart {
  const shown = hexText(bytes.subarray(0, SHOWN_BYTES));
  return {
    part,
    reason,
    bytes: bytes.length > SHOWN_BYTES ? `${shown}… (${bytes.length} bytes)` : shown,
  };
}

/** Throws what OpenSSL says of a key that it cannot load. */
function loadedKey(publicKeyInfo: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(publicKeyInfo), format: "der", type: "spki" });
}

function reportOf(
  x509: X509,
  facts: PublicKeyFacts,
  key: KeyObject | undefined,
): Omit<CertificateReport, "names"> {
  const isSelfSigned =
    key !== undefined &&
    nameKey(x509.subject) === nameKey(x509.issuer) &&
    isSignedBy(x509, key) === true;
  return {
    subject: nameOrNothing(x509.subject),
    issuer: nameOrNothing(x509.issuer),
    ...(x509.notBefore === undefined ? {} : { notBefore: x509.notBefore }),
    ...(x509.notAfter === undefined ? {} : { notAfter: x509.notAfter }),
    keyType: facts.type,
    ...(facts.bits === undefined ? {} : { keyBits: facts.bits }),
    ...(facts.curve === undefined ? {} : { curve: facts.curve }),
    signatureAlgorithm: signatureName(x509.signatureAlgorithm.oid),
    serialNumber: hexText(x509.serial)
      .toUpperCase()
      .replace(/^00(?=.)/, ""),
    fingerprintSha256: fingerprint(x509.der),
    isSelfSigned,
  };
}

/** A name that cannot be read is among the faults. */
function nameOrNothing(name: Uint8Array): string {
  try {
    return nameText(name);
  } catch {
    return "";
  }
}

/** SHA-256 of the DER, in upper-case hex with colons. */
export function fingerprint(der: Uint8Array): string {
  return createHash("sha256")
    .update(der)
    .digest("hex")
    .toUpperCase()
    .replace(/(..)(?=.)/g, "$1:");
}

function kindOf({ type }: PublicKeyFacts): Certificate["keyKind"] {
  return type === "rsa" || type === "dsa" || type === "ec" || type === "dh" ? type : undefined;
}

function extensionFacts(
  x509: X509,
  attempt: Attempt,
): Partial<CertificateReport> & Pick<CertificateReport, "names"> {
  const of = <T>(part: string, oid: string, read: (x509: X509) => T): T | undefined =>
    attempt(part, x509.extensions.get(oid) ?? new Uint8Array(0), () => read(x509));
  const names = of("names", EXTENSION.subjectAltName, alternativeNames) ?? [];
  const usage = of("key usage", EXTENSION.keyUsage, keyUsage);
  const purposes = of("extended key usage", EXTENSION.extendedKeyUsage, extendedKeyUsage);
  const scts = of("SCTs", EXTENSION.sctList, embeddedScts) ?? [];
  const access = of("authority information access", EXTENSION.authorityInfoAccess, authorityInfo);
  const lists = of("CRL distribution points", EXTENSION.crlDistributionPoints, crlUrls) ?? [];
  const constraints = of("basic constraints", EXTENSION.basicConstraints, basicConstraints);
  const wantsStaple = of("TLS feature", EXTENSION.tlsFeature, mustStaple) === true;
  of("name constraints", EXTENSION.nameConstraints, nameConstraints);
  of("authority key identifier", EXTENSION.authorityKeyId, authorityKeyId);
  of("subject key identifier", EXTENSION.subjectKeyId, subjectKeyId);
  return {
    names: names.map(({ kind, value }) => `${kind}:${value}`),
    isAuthority: constraints?.isAuthority ?? false,
    ...(usage === undefined ? {} : { keyUsage: usage }),
    ...(purposes === undefined ? {} : { extendedKeyUsage: purposes }),
    ...(wantsStaple ? { mustStaple: true } : {}),
    ...(scts.length === 0 ? {} : { scts }),
    ...((access?.ocsp.length ?? 0) === 0 ? {} : { ocspUrls: access?.ocsp ?? [] }),
    ...((access?.issuers.length ?? 0) === 0 ? {} : { issuerUrls: access?.issuers ?? [] }),
    ...(lists.length === 0 ? {} : { crlUrls: lists }),
  };
}

/** How the oddities tell of an exponent that encrypts nothing. */
export const EXPONENT_ODDITY = "its RSA exponent is 1";

/** What RFC 5280 §4.1 does not allow, though it can be read. */
function shapeOddities({
  version,
  serial,
  extensions,
  trailing,
  notBefore,
  notAfter,
  signatureAlgorithm,
  innerAlgorithm,
}: X509): string[] {
  const found: string[] = [];
  if (trailing > 0) found.push(`${trailing} bytes behind its end`);
  if (version < 1 || version > 3) found.push(`version ${version}`);
  if (version < 3 && extensions.size > 0)
    found.push(`extensions in a certificate of version ${version}`);
  if ((serial[0] ?? 0) >= 0x80) found.push("a negative serial number");
  else if (serial.every((byte) => byte === 0)) found.push("serial number 0");
  if (serial.length > 20) found.push(`a serial number of ${serial.length} bytes`);
  if (notAfter !== undefined && notBefore !== undefined && notAfter < notBefore)
    found.push("it ends before it begins");
  if (innerAlgorithm.oid !== signatureAlgorithm.oid)
    found.push(`its two signature algorithms differ: ${signatureName(innerAlgorithm.oid)} inside`);
  return found;
}

/** The digest that made an insecure signature, as reports name it; undefined for a sound one. */
export function insecureDigest(signatureAlgorithm: string): string | undefined {
  return /md2|md4|md5|sha1(?![0-9])/i.exec(signatureAlgorithm)?.[0].toUpperCase();
}
