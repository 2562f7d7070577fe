import { type KeyObject, X509Certificate } from "node:crypto";
import type { CertificateReport } from "./report.ts";

/** A certificate as far as it can be read. */
export interface Certificate {
  readonly report: CertificateReport;
  /** Kind of the key in the terms of cipher suites; undefined for Ed25519, Ed448, RSA-PSS and unknown ones. */
  readonly keyKind: "rsa" | "dsa" | "ec" | "dh" | undefined;
  readonly rsaExponent: number | undefined;
}

/** Reads a DER certificate; undefined when it is none that Node can read. Never throws. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    const x509 = new X509Certificate(der);
    const key = publicKeyOf(x509);
    const details = key?.asymmetricKeyDetails;
    const keyType = key?.asymmetricKeyType ?? "unknown";
    const exponent = details?.publicExponent === undefined ? undefined : Number(details.publicExponent);
    const optional = {
      ...(details?.modulusLength === undefined ? {} : { keyBits: details.modulusLength }),
      ...(details?.namedCurve === undefined ? {} : { curve: CURVE_NAMES[details.namedCurve] ?? details.namedCurve }),
    };
    const report: CertificateReport = {
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      notBefore: isoDate(x509.validFrom),
      notAfter: isoDate(x509.validTo),
      names: (x509.subjectAltName ?? "").split(", ").filter((name) => name !== ""),
      keyType,
      ...optional,
      signatureAlgorithm: signatureOf(x509),
      serialNumber: x509.serialNumber,
      fingerprintSha256: x509.fingerprint256,
      isSelfSigned: x509.subject === x509.issuer,
    };
    return { report, keyKind: KEY_KINDS[keyType], rsaExponent: exponent };
  } catch {
    // Odd certificates exist; the audit goes on without theirs.
    return undefined;
  }
}

const KEY_KINDS: Readonly<Record<string, Certificate["keyKind"]>> = { rsa: "rsa", dsa: "dsa", ec: "ec", dh: "dh" };

/** OpenSSL's names of curves where TLS has another. */
const CURVE_NAMES: Readonly<Record<string, string>> = { prime256v1: "secp256r1", prime192v1: "secp192r1" };

function publicKeyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function signatureOf(x509: X509Certificate): string {
  return (x509 as { signatureAlgorithm?: string }).signatureAlgorithm ?? "unknown";
}

function oneLine(name: string | undefined): string {
  return (name ?? "").split("\n").join(", ");
}

function isoDate(text: string): string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
}

/** The digest that made an insecure signature, as reports name it; undefined for a sound one. */
export function insecureDigest(signatureAlgorithm: string): string | undefined {
  return /md2|md4|md5|sha1(?![0-9])/i.exec(signatureAlgorithm)?.[0].toUpperCase();
}
