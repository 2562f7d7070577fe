import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { AppError, messageOf } from "../lib/errors.ts";
import { makePrivateFolder } from "../store/private-folder.ts";
import { secretIn } from "./secret-file.ts";
import { selfSigned } from "./self-signed.ts";

/** A certificate and its key: PEM. */
export interface PagePair {
  readonly cert: string;
  readonly key: string;
  /** Of one that is self-signed: SHA-256, as browsers show it. */
  readonly fingerprint?: string;
}

/**
 * The certificate that Saker has made and signed itself: the one in a file that its owner alone reads
 * (key and certificate), or a new one where that ends soon or lacks a name. Throws `CONFIG_WEB`.
 * `now`: epoch milliseconds.
 */
export function ownPagePair(path: string, names: readonly string[], now: number): PagePair {
  const kept = pagePairIn(path);
  if (kept !== undefined && isGood(new X509Certificate(kept.cert), names, now)) return kept;
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = selfSigned({ key, names, from: now - HOUR_MS, until: now + VALID_MS });
  const cert = new X509Certificate(der).toString();
  const text = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString() + cert;
  try {
    makePrivateFolder(dirname(path));
    const part = `${path}.${randomBytes(4).toString("hex")}`;
    writeFileSync(part, text, { flag: "wx", mode: 0o600, flush: true });
    renameSync(part, path);
  } catch (thrown) {
    throw new AppError(
      "CONFIG_WEB",
      `Cannot keep a certificate in "${path}": ${messageOf(thrown)}`,
    );
  }
  return pairOf(text);
}

/** The pair in a file; undefined when there is none that can be used. Throws `CONFIG_WEB`. */
export function pagePairIn(path: string): PagePair | undefined {
  const text = secretIn(path, { what: "the certificate's key", bytesMax: BYTES_MAX });
  if (text === undefined) return undefined;
  try {
    const pair = pairOf(text);
    const isPair = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key));
    return isPair ? pair : undefined;
  } catch {
    return undefined;
  }
}

/** Names and addresses for a certificate; what is neither is left out. */
export function certificateNames(hosts: readonly string[]): readonly string[] {
  const plain = hosts.map((host) => host.replace(/^\[(.*)\](?::\d+)?$/, "$1"));
  const names = plain.map((host) => (isIP(host) === 0 ? host.replace(/:\d+$/, "") : host));
  return [...new Set(names)].filter((name) => isIP(name) !== 0 || DNS_NAME.test(name));
}

function pairOf(text: string): PagePair {
  const at = text.indexOf("-----BEGIN CERTIFICATE-----");
  const [key, cert] = [text.slice(0, at), text.slice(at)];
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256 };
}

function isGood(certificate: X509Certificate, names: readonly string[], now: number): boolean {
  const isNamed = names.every((name) =>
    isIP(name) === 0
      ? certificate.checkHost(name) !== undefined
      : certificate.checkIP(name) !== undefined,
  );
  return isNamed && Date.parse(certificate.validTo) - now > RENEWED_MS;
}

const DNS_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;
const BYTES_MAX = 65_536;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No browser takes one that lasts longer than 398 days. */
const VALID_MS = 397 * DAY_MS;
const RENEWED_MS = 30 * DAY_MS;
