import type { CertificateReport, ChainReport, Features, Finding } from "../report.ts";
import { EXPONENT_ODDITY, insecureDigest } from "./certificate.ts";
import type { TrustContext } from "./chain-report.ts";

/** One chain, and what it is held against. */
interface Shown {
  readonly chain: ChainReport;
  readonly leaf: CertificateReport;
  /** Those above the leaf, as sent. */
  readonly above: readonly CertificateReport[];
  readonly features: Pick<Features, "ocspStapling">;
  readonly name: string | undefined;
  readonly now: Date;
}

interface Check extends Omit<Finding, "evidence"> {
  readonly explanation: string;
  /** What shows it; undefined when it is not so. */
  readonly evidence: (shown: Shown) => string | undefined;
}

const DAY_MS = 86_400_000;

/** What can be wrong with a certificate; one entry a finding. */
const CHECKS: readonly Check[] = [
  {
    id: "revoked",
    severity: "critical",
    title: "The certificate is revoked",
    explanation:
      "Its authority has withdrawn it, mostly because the key is known to somebody else.",
    evidence: ({ chain, leaf }) =>
      chain.ocsp?.status === "revoked" ? chain.ocsp.detail : revokedText(chain, leaf),
  },
  {
    id: "rsa-exponent-1",
    severity: "critical",
    title: "The certificate's RSA exponent is 1",
    explanation: "Encryption with this key changes nothing: everybody can read along and sign.",
    evidence: ({ leaf }) =>
      leaf.oddities?.includes(EXPONENT_ODDITY) === true ? leaf.subject : undefined,
  },
  {
    id: "expired",
    severity: "high",
    title: "The certificate has expired",
    explanation: "Clients refuse it, or were taught to ignore such errors.",
    evidence: ({ leaf, now }) =>
      isBefore(leaf.notAfter, now.toISOString()) ? leaf.notAfter : undefined,
  },
  {
    id: "not-yet-valid",
    severity: "high",
    title: "The certificate is not valid yet",
    explanation: "Clients refuse it until that day; a clock may be wrong.",
    evidence: ({ leaf, now }) =>
      isBefore(now.toISOString(), leaf.notBefore) ? leaf.notBefore : undefined,
  },
  {
    id: "unreadable-certificate",
    severity: "high",
    title: "A part of the certificate cannot be read",
    explanation: "Clients refuse it, or each makes of it what it likes.",
    evidence: ({ leaf, above }) =>
      list(
        [leaf, ...above].flatMap(({ subject, fingerprintSha256, unreadable = [] }) =>
          unreadable.map(
            ({ part, reason, bytes }) =>
              `${part} of ${subject || fingerprintSha256}: ${reason} (${bytes || "no bytes"})`,
          ),
        ),
      ),
  },
  {
    id: "weak-signature",
    severity: "high",
    title: "The certificate's signature is insecure",
    explanation: "Certificates with the same signature and another content can be made.",
    evidence: ({ leaf, above }) =>
      list(
        [leaf, ...above.filter((one) => !one.isSelfSigned)]
          .filter((one) => insecureDigest(one.signatureAlgorithm) !== undefined)
          .map((one) => `${one.signatureAlgorithm} (${one.subject})`),
      ),
  },
  {
    id: "small-key",
    severity: "high",
    title: "The certificate's key is short",
    explanation: "Keys of this size can be computed by those with means.",
    evidence: ({ leaf, above }) =>
      list(
        [leaf, ...above]
          .filter(isShort)
          .map((one) => `${one.keyType} ${one.keyBits ?? one.curve} (${one.subject})`),
      ),
  },
  {
    id: "host-mismatch",
    severity: "high",
    title: "The certificate is for another name",
    explanation: "Clients that use this name refuse it.",
    evidence: ({ chain, leaf, name }) =>
      chain.hostMatches === false
        ? `${name} is not among ${leaf.names.length === 0 ? "no names at all" : shortened(leaf.names)}`
        : undefined,
  },
  {
    id: "missing-intermediate",
    severity: "medium",
    title: "The chain lacks an issuer",
    explanation: "Clients that do not happen to know it refuse the certificate.",
    evidence: ({ chain }) => chain.missingIssuer,
  },
  {
    id: "invalid-staple",
    severity: "medium",
    title: "The stapled OCSP response is not valid",
    explanation:
      "Clients that check it refuse the connection, the others learn nothing of a revocation.",
    evidence: ({ chain }) =>
      chain.ocsp?.status === "invalid" || chain.ocsp?.status === "unknown"
        ? `${chain.ocsp.status}: ${chain.ocsp.detail}`
        : undefined,
  },
  {
    id: "must-staple",
    severity: "medium",
    title: "The certificate demands an OCSP response and the server staples none",
    explanation: "Clients that heed the demand refuse the connection.",
    evidence: ({ chain, leaf, features }) =>
      leaf.mustStaple === true && chain.ocsp === undefined && features.ocspStapling !== true
        ? leaf.subject
        : undefined,
  },
  {
    id: "untrusted",
    severity: "low",
    title: "The certificate is not trusted here",
    explanation: "Clients with this trust store refuse it unless they are told of its authority.",
    evidence: ({ chain, leaf }) =>
      chain.isTrusted || leaf.isSelfSigned || chain.missingIssuer !== undefined
        ? undefined
        : chain.distrust,
  },
  {
    id: "expires-soon",
    severity: "low",
    title: "The certificate expires soon",
    explanation: "From that day on clients refuse it.",
    evidence: ({ leaf, now }) => expiresSoon(leaf, now),
  },
  {
    id: "chain-order",
    severity: "low",
    title: "The chain is not in order",
    explanation:
      "Strict clients up to TLS 1.2 refuse chains in which a certificate is not followed by its issuer.",
    evidence: ({ chain, leaf, above }) =>
      chain.isOrdered ? undefined : [leaf, ...above].map(({ subject }) => subject).join(" → "),
  },
  {
    id: "no-names",
    severity: "low",
    title: "The certificate names no host",
    explanation:
      "Clients look at subjectAltName only, and the common name counts no more (RFC 9525).",
    evidence: ({ leaf }) => (leaf.names.length === 0 ? leaf.subject : undefined),
  },
  {
    id: "long-validity",
    severity: "low",
    title: "The certificate is valid for long",
    explanation:
      "Browsers refuse certificates of public authorities that are valid for more than 398 days.",
    evidence: ({ chain, leaf }) =>
      chain.isTrusted && (lifetime(leaf) ?? 0) > 398 * DAY_MS
        ? `${Math.round((lifetime(leaf) ?? 0) / DAY_MS)} days`
        : undefined,
  },
  {
    id: "self-signed",
    severity: "info",
    title: "The certificate is signed by itself",
    explanation: "Clients can trust it only where they were given it.",
    evidence: ({ leaf }) => (leaf.isSelfSigned ? leaf.subject : undefined),
  },
  {
    id: "superfluous-certificates",
    severity: "info",
    title: "The chain has certificates that nothing needs",
    explanation: "They cost bytes in every handshake.",
    evidence: ({ chain }) => list(chain.superfluous),
  },
  {
    id: "odd-certificate",
    severity: "info",
    title: "A certificate is odd",
    explanation: "Some clients may refuse what others accept.",
    evidence: ({ leaf, above }) =>
      list(
        [leaf, ...above].flatMap((one) =>
          (one.oddities ?? [])
            .filter((oddity) => oddity !== EXPONENT_ODDITY)
            .map((oddity) => `${one.subject}: ${oddity}`),
        ),
      ),
  },
];

/** Everything that stands out in the chains, each finding once with the evidence of all chains. */
export function certificateFindings(
  chains: readonly ChainReport[],
  certificates: readonly CertificateReport[],
  features: Features,
  { name, now }: Pick<TrustContext, "name" | "now">,
): Finding[] {
  const shown = chains.flatMap((chain): Shown[] => {
    const [leaf, ...above] = chain.sent
      .map((print) => certificates.find((one) => one.fingerprintSha256 === print))
      .filter((one) => one !== undefined);
    return leaf === undefined ? [] : [{ chain, leaf, above, features, name, now }];
  });
  return CHECKS.flatMap(({ evidence, ...finding }) => {
    const texts = new Set(shown.map(evidence).filter((text) => text !== undefined));
    return texts.size === 0 ? [] : [{ ...finding, evidence: [...texts].join("; ") }];
  });
}

function list(texts: readonly string[]): string | undefined {
  return texts.length === 0 ? undefined : shortened(texts);
}

/** What an authority that was asked has said. */
function revokedText(
  { revocation = [] }: ChainReport,
  leaf: CertificateReport,
): string | undefined {
  const revoked = revocation.find(({ status }) => status === "revoked");
  if (revoked === undefined) return undefined;
  const isLeaf = revoked.certificate === leaf.fingerprintSha256;
  return `${revoked.method}: ${revoked.detail}${isLeaf ? "" : " (an authority of the chain)"}`;
}

/** The first few of many: an attacker's certificate may have thousands of names. */
function shortened(texts: readonly string[]): string {
  return texts.length <= 8
    ? texts.join(", ")
    : `${texts.slice(0, 8).join(", ")} and ${texts.length - 8} more`;
}

function isShort({ keyType, keyBits, curve }: CertificateReport): boolean {
  if (keyType === "ec") return Number(/\d{3}/.exec(curve ?? "256")?.[0] ?? 256) < 224;
  return ["rsa", "rsa-pss", "dsa", "dh"].includes(keyType) && (keyBits ?? 2048) < 2048;
}

/** False where one of them cannot be read. */
function isBefore(earlier: string | undefined, later: string | undefined): boolean {
  return earlier !== undefined && later !== undefined && earlier < later;
}

function lifetime({ notBefore, notAfter }: CertificateReport): number | undefined {
  return notBefore === undefined || notAfter === undefined
    ? undefined
    : Date.parse(notAfter) - Date.parse(notBefore);
}

/** Within two weeks, or in the last third of a certificate that lives shorter than that anyway. */
function expiresSoon(leaf: CertificateReport, now: Date): string | undefined {
  if (leaf.notAfter === undefined) return undefined;
  const left = Date.parse(leaf.notAfter) - now.getTime();
  const soon = Math.min(14 * DAY_MS, (lifetime(leaf) ?? Number.POSITIVE_INFINITY) / 3);
  return left > 0 && left < soon
    ? `${leaf.notAfter}, in ${Math.floor(left / DAY_MS)} days`
    : undefined;
}
