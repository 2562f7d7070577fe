import { createHash, type KeyObject } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import { type OcspAnswer, type OcspResponse, readOcspResponse } from "../../tls/ocsp.ts";
import type { ChainReport } from "../report.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { isSignedBy } from "./verify-signature.ts";

/**
 * What a stapled OCSP response says of a leaf, its signature and dates checked (RFC 6960 §3.2,
 * §4.2.2.2). Never throws.
 */
export function assessStaple(
  der: Uint8Array,
  leaf: Certificate,
  issuer: Certificate | undefined,
  now: Date,
): NonNullable<ChainReport["ocsp"]> {
  try {
    return assess(readOcspResponse(der), leaf, issuer, now);
  } catch (thrown) {
    return invalid(messageOf(thrown));
  }
}

function assess(
  response: OcspResponse,
  leaf: Certificate,
  issuer: Certificate | undefined,
  now: Date,
): NonNullable<ChainReport["ocsp"]> {
  if (response.status !== 0)
    return invalid(`the responder gave no answer (status ${response.status})`);
  if (issuer === undefined) return invalid("the issuer is not known, so nothing can be checked");
  const answer = response.answers.find((one) => isAbout(one, leaf, issuer));
  if (answer === undefined) return invalid("it is about another certificate");
  const signer = signerProblem(response, issuer, now);
  if (signer !== undefined) return invalid(signer);
  const times = {
    thisUpdate: answer.thisUpdate,
    ...(answer.nextUpdate === undefined ? {} : { nextUpdate: answer.nextUpdate }),
  };
  const today = now.toISOString();
  if (answer.thisUpdate > new Date(now.getTime() + CLOCK_SKEW_MS).toISOString())
    return { ...invalid(`it is of the future: ${answer.thisUpdate}`), ...times };
  if (answer.nextUpdate !== undefined && answer.nextUpdate < today)
    return { ...invalid(`it ended on ${answer.nextUpdate}`), ...times };
  const detail =
    answer.status === "revoked" ? `revoked on ${answer.revokedAt}` : `as of ${answer.thisUpdate}`;
  return { status: answer.status, detail, ...times };
}

/** How far a responder's clock may be ahead. */
const CLOCK_SKEW_MS = 300_000;

function invalid(detail: string): NonNullable<ChainReport["ocsp"]> {
  return { status: "invalid", detail };
}

/** Hashes that name issuers, by object identifier. */
const HASHES: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

function isAbout(answer: OcspAnswer, leaf: Certificate, issuer: Certificate): boolean {
  const hash = HASHES[answer.hashAlgorithm];
  if (hash === undefined || Buffer.compare(answer.serial, leaf.x509.serial) !== 0) return false;
  const digest = (bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();
  return (
    digest(issuer.x509.subject).equals(answer.issuerNameHash) &&
    digest(issuer.x509.publicKey).equals(answer.issuerKeyHash)
  );
}

/** The issuer signs itself, or names a responder by a certificate with that purpose. */
function signerProblem(response: OcspResponse, issuer: Certificate, now: Date): string | undefined {
  const isBy = (key: KeyObject | undefined): boolean =>
    key !== undefined && isSignedBy(response, key) === true;
  if (isBy(issuer.key)) return undefined;
  for (const der of response.certificates) {
    const responder = readCertificate(der);
    if (!isBy(responder.key)) continue;
    if (issuer.key === undefined || isSignedBy(responder.x509, issuer.key) !== true)
      return "its responder is not the issuer's";
    if (responder.report.extendedKeyUsage?.includes("OCSPSigning") !== true)
      return "its responder may not sign OCSP responses";
    const { notBefore, notAfter } = responder.report;
    const today = now.toISOString();
    const isValid =
      notBefore !== undefined && notAfter !== undefined && notBefore <= today && today <= notAfter;
    return isValid ? undefined : "its responder's certificate is out of date";
  }
  return "its signature is not the issuer's";
}
