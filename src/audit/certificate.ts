import { type KeyObject, X509Certificate } from "node:crypto";
import { certificateSignature } from "../tls/certificate-signature.ts";
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
    const key = attempt(() => x509.publicKey);
    const keyType = key?.asymmetricKeyType ?? "unknown";
    const exponent = key?.asymmetricKeyDetails?.publicExponent;
    const report: CertificateReport = {
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      notBefore: isoDate(x509.validFrom),
      notAfter: isoDate(x509.validTo),
      names: (x509.subjectAltName ?? "").split(", ").filter((name) => name !== ""),
      keyType,
      ...keySize(key),
      signatureAlgorithm: attempt(() => certificateSignature(der)) ?? "unknown",
      serialNumber: x509.serialNumber,
      fingerprintSha256: x509.fingerprint256,
      isSelfSigned: key !== undefined && x509.checkIssued(x509) && attempt(() => x509.verify(key)) === true,
    };
    return { report, keyKind: KEY_KINDS[keyType], rsaExponent: exponent === undefined ? undefined : Number(exponent) };
  } catch {
    // Odd certificates exist; the audit goes on without theirs.
    return undefined;
  }
}

const KEY_KINDS: Readonly<Record<string, Certificate["keyKind"]>> = { rsa: "rsa", dsa: "dsa", ec: "ec", dh: "dh" };

/** OpenSSL's names of curves where TLS has another. */
const CURVE_NAMES: Readonly<Record<string, string>> = { prime256v1: "secp256r1", prime192v1: "secp192r1" };

function keySize(key: KeyObject | undefined): Pick<CertificateReport, "keyBits" | "curve"> {
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  return {
    ...(modulusLength === undefined ? {} : { keyBits: modulusLength }),
    ...(namedCurve === undefined ? {} : { curve: CURVE_NAMES[namedCurve] ?? namedCurve }),
  };
}

/** OpenSSL throws for keys and algorithms that it does not know. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
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
