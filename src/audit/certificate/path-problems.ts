import { nameKey } from "../../tls/canonical-name.ts";
import type { X509 } from "../../tls/x509.ts";
import {
  basicConstraints,
  EXTENSION,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  netscapeType,
} from "../../tls/x509-extensions.ts";
import type { CertificateReport } from "../report.ts";
import type { Certificate } from "./certificate.ts";
import { allowsNames } from "./name-constraints.ts";

/** A certificate's place in a path. */
export interface Place {
  /** Those that it vouches for, leaf first; none for the leaf. */
  readonly below: readonly Certificate[];
  /** It ends the path for being in the store. */
  readonly isAnchor: boolean;
  readonly now: Date;
}

/**
 * What keeps a certificate from its place (RFC 5280 §6.1), in words; undefined where nothing does.
 * An authority in the store must be one, too, and be valid. Never throws.
 */
export function problemOf(certificate: Certificate, place: Place): string | undefined {
  const { report } = certificate;
  const name = place.below.length === 0 ? "the certificate" : report.subject || "an authority";
  const [fault] = neededFaults(report);
  if (fault !== undefined) return `${name} cannot be judged: its ${fault} cannot be read`;
  try {
    for (const check of place.below.length === 0 ? LEAF_CHECKS : AUTHORITY_CHECKS) {
      const problem = check(certificate, place);
      if (problem !== undefined) return `${name} ${problem}`;
    }
    return undefined;
  } catch {
    return `${name} cannot be judged: it has extensions that cannot be read`;
  }
}

/** Parts that no client needs to tell whether a certificate is trusted. */
const NEEDLESS: ReadonlySet<string> = new Set(["authority information access", "SCTs"]);

/** The parts of a certificate that are needed for a verdict and cannot be read. */
export function neededFaults({ unreadable = [] }: CertificateReport): string[] {
  return unreadable.map(({ part }) => part).filter((part) => !NEEDLESS.has(part));
}

/** Gives what is wrong, as the end of a sentence that begins with the certificate's name. */
type Check = (certificate: Certificate, place: Place) => string | undefined;

const validity: Check = ({ x509 }, { now }) => {
  // The last second is part of the time (RFC 5280 §4.1.2.5), and dates have no parts of seconds.
  const today = now.toISOString().replace(/\.\d+Z$/, ".000Z");
  const { notBefore = today, notAfter = today } = x509;
  if (today < notBefore) return `is not valid before ${notBefore}`;
  return today > notAfter ? `expired on ${notAfter}` : undefined;
};

/** Nobody looks at the signature of what is trusted for being in the store. */
const algorithms: Check = ({ x509 }, { isAnchor }) =>
  isAnchor || hasOneAlgorithm(x509) ? undefined : "names two different signature algorithms";

/** RFC 5280 §4.1.1.2. */
function hasOneAlgorithm({ signatureAlgorithm, innerAlgorithm }: X509): boolean {
  return (
    signatureAlgorithm.oid === innerAlgorithm.oid &&
    Buffer.compare(signatureAlgorithm.parameters, innerAlgorithm.parameters) === 0
  );
}

/** RFC 5480 §2.1.1: curves have names. */
const curve: Check = ({ report }) =>
  report.curve === "explicit" ? "spells out its curve" : undefined;

/**
 * Critical extensions that are understood here, or that bear on nothing that is judged here
 * (policies, and where revocation lists are).
 */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  EXTENSION.keyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.basicConstraints,
  EXTENSION.nameConstraints,
  EXTENSION.extendedKeyUsage,
  EXTENSION.crlDistributionPoints,
  EXTENSION.netscapeType,
  "2.5.29.32", // certificatePolicies
  "2.5.29.33", // policyMappings
  "2.5.29.36", // policyConstraints
  "2.5.29.54", // inhibitAnyPolicy
  "1.3.6.1.5.5.7.48.1.5", // OCSP's noCheck
]);

/** RFC 6962 §3.1: a certificate for logs alone. */
const CT_POISON = "1.3.6.1.4.1.11129.2.4.3";

const critical: Check = ({ x509 }) => {
  if (x509.critical.has(CT_POISON)) return "is a precertificate, which is for logs alone";
  const unknown = [...x509.critical].find((oid) => !UNDERSTOOD.has(oid));
  return unknown === undefined ? undefined : `has a critical extension that is unknown: ${unknown}`;
};

/** Purposes that allow a server; the last two are Netscape's and Microsoft's from the time before. */
const SERVER_PURPOSES = new Set(["serverAuth", "2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3"]);

const purposes: Check = ({ x509 }) => {
  const found = extendedKeyUsage(x509);
  return found === undefined || found.some((purpose) => SERVER_PURPOSES.has(purpose))
    ? undefined
    : `is not for servers, but for ${found.join(", ")}`;
};

/** What a server's key does in a handshake. */
const HANDSHAKE_USAGES = ["digitalSignature", "keyEncipherment", "keyAgreement"];

const leafUsage: Check = ({ x509 }) => {
  const usage = keyUsage(x509);
  if (usage !== undefined && !usage.some((one) => HANDSHAKE_USAGES.includes(one)))
    return `may not be used for handshakes, but for ${usage.join(", ") || "nothing"}`;
  return netscapeType(x509)?.isForServers === false ? "is not for servers" : undefined;
};

/**
 * Basic constraints say it. Of what is in the store, where they are missing, older signs do: version
 * 1, keyCertSign, or Netscape's type.
 */
const authority: Check = ({ x509, report }, { isAnchor }) => {
  const usage = keyUsage(x509);
  const isOldAnchor =
    isAnchor &&
    (x509.version === 1
      ? report.isSelfSigned && hasOneAlgorithm(x509)
      : (usage?.includes("keyCertSign") ?? netscapeType(x509)?.isForAuthorities === true));
  if (!(basicConstraints(x509)?.isAuthority ?? isOldAnchor)) return "is no authority";
  return usage?.includes("keyCertSign") === false ? "may not sign certificates" : undefined;
};

/** Authorities that name themselves as their issuers do not count (RFC 5280 §6.1.4 (l)). */
const pathLength: Check = ({ x509 }, { below }) => {
  const allowed = basicConstraints(x509)?.pathLength;
  const between = below.slice(1).filter((one) => !isSelfIssued(one)).length;
  return allowed === undefined || between <= allowed
    ? undefined
    : `allows ${allowed} authorities below it, and there are ${between}`;
};

const names: Check = ({ x509 }, { below }) => {
  const limits = nameConstraints(x509);
  if (limits === undefined) return undefined;
  const bad = below.find(
    (one, index) => (index === 0 || !isSelfIssued(one)) && !allowsNames(limits, one, index === 0),
  );
  return bad === undefined
    ? undefined
    : `may not vouch for the names of ${bad === below[0] ? "the certificate" : bad.report.subject}`;
};

function isSelfIssued({ x509 }: Certificate): boolean {
  return nameKey(x509.subject) === nameKey(x509.issuer);
}

const COMMON_CHECKS = [validity, critical, algorithms, curve, purposes];
const LEAF_CHECKS: readonly Check[] = [...COMMON_CHECKS, leafUsage];
const AUTHORITY_CHECKS: readonly Check[] = [...COMMON_CHECKS, authority, pathLength, names];
