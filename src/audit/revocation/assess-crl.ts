import { nameKey } from "../../tls/canonical-name.ts";
import { type Crl, CRL_EXTENSION, crlScope, findRevoked, readCrl } from "../../tls/crl.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Certificate } from "../certificate/certificate.ts";
import { isSignedBy } from "../certificate/verify-signature.ts";
import type { RevocationReport } from "../report.ts";

/** What an answer says of a certificate. */
export type Answer = Pick<RevocationReport, "status" | "detail" | "thisUpdate" | "nextUpdate">;

/** A certificate that is asked about, and who issued it. */
export interface Question {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly now: Date;
}

/**
 * What a list (DER) that was fetched from `url` says of a certificate: whose it is, its signature,
 * dates and what it covers are checked first (RFC 5280 §6.3.3). Never throws.
 */
export function assessCrl(der: Uint8Array, url: string, question: Question): Answer {
  try {
    const crl = readCrl(der);
    const { thisUpdate, nextUpdate } = crl;
    const times = { thisUpdate, ...(nextUpdate === undefined ? {} : { nextUpdate }) };
    const problem = problemOf(crl, url, question);
    if (problem !== undefined) return { ...untold(problem), ...times };
    const entry = findRevoked(crl, question.certificate.x509.serial);
    if (entry === undefined && crlScope(crl)?.onlySomeReasons === true)
      return { ...untold("the list is of some reasons only"), ...times };
    if (entry === undefined)
      return { status: "good", detail: `not on the list of ${thisUpdate}`, ...times };
    const { revokedAt, reason } = entry;
    const why = reason === undefined ? "" : ` (${reason})`;
    return { status: "revoked", detail: `revoked on ${revokedAt}${why}`, ...times };
  } catch (thrown) {
    return untold(messageOf(thrown));
  }
}

/** An answer that says nothing, and why. */
export function untold(detail: string): Answer {
  return { status: "could not tell", detail };
}

/** Extensions that change what a list means, and are understood here. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  CRL_EXTENSION.number,
  CRL_EXTENSION.authorityKeyId,
  CRL_EXTENSION.issuingDistributionPoint,
]);

/** Why a list says nothing of a certificate. */
function problemOf(
  crl: Crl,
  url: string,
  { certificate, issuer, now }: Question,
): string | undefined {
  if (nameKey(crl.issuer) !== nameKey(certificate.x509.issuer))
    return "the list is another issuer's";
  if (issuer.key === undefined || isSignedBy(crl, issuer.key) !== true)
    return "its signature is not the issuer's";
  if (issuer.report.keyUsage?.includes("cRLSign") === false) return "its issuer may not sign lists";
  const today = now.toISOString();
  if (crl.thisUpdate > new Date(now.getTime() + CLOCK_SKEW_MS).toISOString())
    return `it is of the future: ${crl.thisUpdate}`;
  if (crl.nextUpdate !== undefined && crl.nextUpdate < today)
    return `it ended on ${crl.nextUpdate}`;
  if (crl.extensions.has(CRL_EXTENSION.deltaIndicator)) return "it lists changes alone";
  const unknown = [...crl.critical].find((oid) => !UNDERSTOOD.has(oid));
  if (unknown !== undefined) return `its critical extension ${unknown} is unknown`;
  return scopeProblem(crl, url, certificate);
}

function scopeProblem(crl: Crl, url: string, { report }: Certificate): string | undefined {
  const scope = crlScope(crl);
  if (scope === undefined) return undefined;
  // Otherwise a list of other certificates could be put in this one's place.
  if (scope.urls.length > 0 && !scope.urls.includes(url))
    return `it is the list of ${scope.urls[0]}`;
  if (scope.isIndirect) return "it lists other issuers' certificates, too";
  if (scope.onlyAttributes) return "it lists attribute certificates alone";
  const isAuthority = report.isAuthority === true;
  if (scope.onlyUsers && isAuthority) return "it lists no authorities";
  return scope.onlyAuthorities && !isAuthority ? "it lists authorities alone" : undefined;
}

/** How far an authority's clock may be ahead. */
const CLOCK_SKEW_MS = 300_000;
