import { readFile } from "node:fs/promises";
import tls from "node:tls";
import { AppError, messageOf } from "../../lib/errors.ts";
import { nameKey } from "../../tls/canonical-name.ts";
import { subjectOf, type X509 } from "../../tls/x509.ts";
import { type Certificate, readCertificate } from "./certificate.ts";

/** Certificates that are trusted because somebody put them here. */
export class TrustStore {
  /** Where they are from, for reports. */
  readonly origin: string;
  /** A system has some 140; of all but two or three the name is all that is ever looked at. */
  readonly #bySubject = new Map<string, Anchor[]>();

  /**
   * Certificates that cannot be read are passed over: a system's bundle may hold keys of kinds that
   * are unknown here.
   */
  constructor(origin: string, pem: string) {
    this.origin = origin;
    for (const [block] of pem.matchAll(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END/g))
      this.#add(Buffer.from(block.replace(/-----[^-]+-----|-----END/g, ""), "base64"));
  }

  /** Whether none of them can be read. */
  get isEmpty(): boolean {
    return !this.#bySubject
      .values()
      .some((anchors) => anchors.some((read) => read() !== undefined));
  }

  /** Those whose name is the issuer of `x509`: whether their keys fit is not looked at. */
  issuersOf(x509: X509): readonly Certificate[] {
    return this.#named(x509.issuer);
  }

  has({ x509, report }: Certificate): boolean {
    return this.#named(x509.subject).some(
      (other) => other.report.fingerprintSha256 === report.fingerprintSha256,
    );
  }

  #named(name: Uint8Array): readonly Certificate[] {
    const anchors = this.#bySubject.get(nameKey(name)) ?? [];
    return anchors.map((read) => read()).filter((certificate) => certificate !== undefined);
  }

  #add(der: Uint8Array): void {
    const subject = subjectOf(der);
    if (subject === undefined) return;
    const key = nameKey(subject);
    let certificate: Certificate | undefined;
    const read: Anchor = () => {
      certificate ??= readCertificate(der);
      return certificate.x509.faults.length === 0 ? certificate : undefined;
    };
    this.#bySubject.set(key, [...(this.#bySubject.get(key) ?? []), read]);
  }
}

/** Reads a certificate when it is needed, once; undefined when it cannot be read. */
type Anchor = () => Certificate | undefined;

/** Where distributions keep their bundle: Debian, Fedora, SUSE, Alpine and the BSDs. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

let systemStore: Promise<TrustStore> | undefined;

/**
 * The system's store, read once and on first use; Mozilla's as Node brings it where the system has
 * none.
 */
export function systemTrust(): Promise<TrustStore> {
  systemStore ??= readSystemTrust();
  return systemStore;
}

async function readSystemTrust(): Promise<TrustStore> {
  for (const path of BUNDLES) {
    const text = await readFile(path, "latin1").catch(() => "");
    const store = new TrustStore(path, text);
    if (!store.isEmpty) return store;
  }
  return new TrustStore("Mozilla's list in Node", tls.rootCertificates.join("\n"));
}

/**
 * A store of the certificates in a PEM file. Throws `USAGE_CA` when it cannot be read or holds
 * none.
 */
export async function trustFrom(path: string): Promise<TrustStore> {
  let text: string;
  try {
    text = await readFile(path, "latin1");
  } catch (thrown) {
    throw new AppError(
      "USAGE_CA",
      `Cannot read certificates from "${path}": ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
  const store = new TrustStore(path, text);
  if (store.isEmpty)
    throw new AppError(
      "USAGE_CA",
      `Cannot read certificates from "${path}": it holds none that can be read`,
      { hint: "a PEM file with -----BEGIN CERTIFICATE----- is expected" },
    );
  return store;
}
