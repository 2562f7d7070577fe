import type { AuditReport, CertificateReport, ChainReport, Features } from "../audit/report.ts";

/** A name and what it is, for people; lists of these are what the text and the page print. */
export type Fact = readonly [name: string, value: string];

/** How the report's features are called, in the order they are printed. */
const FEATURES: readonly (readonly [name: string, value: (features: Features) => string | undefined])[] = [
  ["ALPN", ({ alpn }) => (alpn === undefined ? undefined : alpn.join(", ") || "none")],
  ["server name (SNI)", ({ sni }) => (sni === undefined ? undefined : `without one: ${sni.withoutName} certificate; unknown one: ${sni.unknownName}`.replaceAll("refused certificate", "refused"))],
  ["client certificate", ({ clientCertificate }) => clientCertificate],
  ["session tickets", ({ tickets }) => yes(tickets)],
  ["resumption", ({ resumption }) => (resumption === undefined ? undefined : named({ "session id": resumption.sessionId, ticket: resumption.ticket, "pre-shared key": resumption.psk }))],
  ["early data", ({ earlyData }) => (earlyData === undefined ? undefined : earlyData === 0 ? "no" : `up to ${earlyData} bytes`)],
  ["OCSP stapling", ({ ocspStapling }) => yes(ocspStapling)],
  ["extended master secret", ({ extendedMasterSecret }) => yes(extendedMasterSecret)],
  ["encrypt-then-MAC", ({ encryptThenMac }) => yes(encryptThenMac)],
  ["secure renegotiation", ({ secureRenegotiation }) => yes(secureRenegotiation)],
  ["renegotiation by clients", ({ clientRenegotiation }) => yes(clientRenegotiation)],
  ["fallback SCSV", ({ fallbackScsv }) => yes(fallbackScsv)],
  ["heartbeat", ({ heartbeat }) => yes(heartbeat)],
  ["DH prime", ({ dhPrime }) => (dhPrime === undefined ? undefined : `${dhPrime.bits} bits${dhPrime.known === undefined ? "" : `, ${dhPrime.known}`}`)],
];

function yes(is: boolean | undefined): string | undefined {
  return is === undefined ? undefined : is ? "yes" : "no";
}

function named(parts: Readonly<Record<string, boolean | undefined>>): string {
  return Object.entries(parts).map(([name, is]) => `${name}: ${is === undefined ? "not known" : is ? "yes" : "no"}`).join(", ");
}

/** What the server can do besides suites; what is not known is left out. */
export function featureFacts({ features = {}, groups, signatureSchemes = [], protocols }: AuditReport): Fact[] {
  const order = Object.values(protocols).find(({ groupPreference }) => groupPreference !== undefined)?.groupPreference;
  const facts: Fact[] = [];
  if (groups.length > 0) facts.push(["groups", `${groups.join(", ")}${order === undefined || order === "indeterminate" ? "" : ` (${order}'s order)`}`]);
  if (signatureSchemes.length > 0) facts.push(["signature schemes", signatureSchemes.join(", ")]);
  for (const [name, value] of FEATURES) {
    const text = value(features);
    if (text !== undefined) facts.push([name, text]);
  }
  return facts;
}

/** A chain as a whole. */
export function chainFacts(chain: ChainReport): Fact[] {
  const facts: Fact[] = [["trust", chain.isTrusted ? `yes, by ${chain.anchor}` : `no: ${chain.distrust}`]];
  if (chain.hostMatches !== undefined) facts.push(["name", chain.hostMatches ? "matches" : "does not match"]);
  if (!chain.isOrdered) facts.push(["order", "a certificate is not followed by its issuer"]);
  if (chain.missingIssuer !== undefined) facts.push(["missing", chain.missingIssuer]);
  if (chain.superfluous.length > 0) facts.push(["needless", chain.superfluous.join("; ")]);
  if (chain.ocsp !== undefined) facts.push(["OCSP staple", `${chain.ocsp.status}: ${chain.ocsp.detail}`]);
  if (chain.scts !== undefined) facts.push(["SCTs", `${chain.scts.length} in the handshake`]);
  return facts;
}

/** One certificate. */
export function certificateFacts(certificate: CertificateReport): Fact[] {
  const size = certificate.curve ?? (certificate.keyBits === undefined ? "" : `${certificate.keyBits} bits`);
  const facts: Fact[] = [
    ["subject", certificate.subject],
    ["issuer", `${certificate.issuer}${certificate.isSelfSigned ? " (signed by itself)" : ""}`],
    ["valid", `${certificate.notBefore} to ${certificate.notAfter}`],
    ["names", certificate.names.join(", ")],
    ["key", `${certificate.keyType} ${size}`.trimEnd()],
    ["signature", certificate.signatureAlgorithm],
    ["SHA-256", certificate.fingerprintSha256],
  ];
  if (certificate.mustStaple === true) facts.push(["must-staple", "yes"]);
  if (certificate.scts !== undefined) facts.push(["SCTs", `${certificate.scts.length}`]);
  if (certificate.oddities !== undefined) facts.push(["odd", certificate.oddities.join("; ")]);
  return facts;
}

/** Ids of weaknesses by verdict, those that matter first. */
export function weaknessFacts({ weaknesses = {} }: AuditReport): Fact[] {
  const verdicts = ["vulnerable", "unknown", "not vulnerable", "not applicable"] as const;
  return verdicts.flatMap((verdict): Fact[] => {
    const ids = Object.entries(weaknesses).filter(([, one]) => one === verdict).map(([id]) => id);
    return ids.length === 0 ? [] : [[verdict === "unknown" ? "could not tell" : verdict, ids.join(", ")]];
  });
}
