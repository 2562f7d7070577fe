import { nameKey } from "../../tls/canonical-name.ts";
import type { X509 } from "../../tls/x509.ts";
import { authorityKeyId, subjectKeyId } from "../../tls/x509-extensions.ts";

/**
 * Whether a certificate may be meant as another's issuer by their key identifiers (RFC 5280
 * §4.2.1.1): where both say something, they must agree. Identifiers that cannot be read agree with
 * all, for they are a fault of their own.
 */
export function isNamedIssuer(issuer: X509, subject: X509): boolean {
  try {
    const wanted = authorityKeyId(subject);
    if (wanted === undefined) return true;
    const own = subjectKeyId(issuer);
    return (
      (wanted.keyId === undefined ||
        own === undefined ||
        Buffer.compare(wanted.keyId, own) === 0) &&
      (wanted.serial === undefined || Buffer.compare(wanted.serial, issuer.serial) === 0) &&
      (wanted.issuer === undefined || nameKey(wanted.issuer) === nameKey(issuer.issuer))
    );
  } catch {
    return true;
  }
}
