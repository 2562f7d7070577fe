import { X509Certificate, createHash, createPublicKey, type KeyObject } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import { hexText } from "../../tls/der.ts";
import { type PublicKeyFacts, readPublicKey } from "../../tls/public-key.ts";
import { signatureName } from "../../tls/signature-algorithms.ts";
import { nameText, readX509, type X509 } from "../../tls/x509.ts";
import {
  alternativeNames,
  authorityInfo,
  basicConstraints,
  crlUrls,
  embeddedScts,
  extendedKeyUsage,
  keyUsage,
  mustStaple,
} from "../../tls/x509-extensions.ts";
import type { CertificateReport } from "../report.ts";
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
 * Reads a DER certificate; parts that cannot be read are left out and stand in its `oddities`.
 * Throws `PEER_CERTIFICATE` for what is none.
 */
export function readCertificate(der: Uint8Array): Certificate {
  const x509 = readX509(der);
  const oddities: string[] = [];
  const attempt = <T>(what: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (thrown) {
      oddities.push(`${what}: ${messageOf(thrown)}`);
      return undefined;
    }
  };
  const facts = attempt("key", () => readPublicKey(x509)) ?? { type: "unknown" };
  const key = attempt("key", () =>
    createPublicKey({ key: Buffer.from(x509.publicKeyInfo), format: "der", type: "spki" }),
  );
  const isSelfSigned =
    key !== undefined &&
    Buffer.compare(x509.subject, x509.issuer) === 0 &&
    isSignedBy(x509, key) === true;
  const report: CertificateReport = {
    subject: attempt("subject", () => nameText(x509.subject)) ?? "",
    issuer: attempt("issuer", () => nameText(x509.issuer)) ?? "",
    notBefore: x509.notBefore,
    notAfter: x509.notAfter,
    names:
      attempt("names", () => alternativeNames(x509))?.map(
        ({ kind, value }) => `${kind}:${value}`,
      ) ?? [],
    keyType: facts.type,
    ...(facts.bits === undefined ? {} : { keyBits: facts.bits }),
    ...(facts.curve === undefined ? {} : { curve: facts.curve }),
    signatureAlgorithm: signatureName(x509.signatureAlgorithm.oid),
    serialNumber: hexText(x509.serial)
      .toUpperCase()
      .replace(/^00(?=.)/, ""),
    fingerprintSha256: fingerprint(x509.der),
    isSelfSigned,
    ...extensionFacts(x509, attempt),
  };
  oddities.push(...shapeOddities(x509), ...(facts.exponent === 1n ? [EXPONENT_ODDITY] : []));
  // Most clients would refuse what OpenSSL refuses to read.
  attempt("OpenSSL cannot read it", () => new X509Certificate(der));
  return {
    report: oddities.length === 0 ? report : { ...report, oddities: [...new Set(oddities)] },
    x509,
    key,
    keyKind: kindOf(facts),
    rsaExponent: facts.exponent === undefined ? undefined : Number(facts.exponent),
  };
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

type Attempt = <T>(what: string, read: () => T) => T | undefined;

function extensionFacts(x509: X509, attempt: Attempt): Partial<CertificateReport> {
  const usage = attempt("key usage", () => keyUsage(x509));
  const purposes = attempt("extended key usage", () => extendedKeyUsage(x509));
  const scts = attempt("SCTs", () => embeddedScts(x509)) ?? [];
  const access = attempt("authority information access", () => authorityInfo(x509));
  const lists = attempt("CRL distribution points", () => crlUrls(x509)) ?? [];
  return {
    isAuthority: attempt("basic constraints", () => basicConstraints(x509))?.isAuthority ?? false,
    ...(usage === undefined ? {} : { keyUsage: usage }),
    ...(purposes === undefined ? {} : { extendedKeyUsage: purposes }),
    ...(attempt("TLS feature", () => mustStaple(x509)) === true ? { mustStaple: true } : {}),
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
  if (notAfter < notBefore) found.push("it ends before it begins");
  if (innerAlgorithm.oid !== signatureAlgorithm.oid)
    found.push(`its two signature algorithms differ: ${signatureName(innerAlgorithm.oid)} inside`);
  return found;
}

/** The digest that made an insecure signature, as reports name it; undefined for a sound one. */
export function insecureDigest(signatureAlgorithm: string): string | undefined {
  return /md2|md4|md5|sha1(?![0-9])/i.exec(signatureAlgorithm)?.[0].toUpperCase();
}
