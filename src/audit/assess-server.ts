import { schemeName } from "../tls/signature-schemes.ts";
import type { Sslv2ServerHello } from "../tls/sslv2.ts";
import { attempt } from "./attempt.ts";
import { certificateFindings } from "./certificate/certificate-findings.ts";
import { reportChain, type SentChain } from "./certificate/chain-report.ts";
import { SeenCertificates } from "./certificate/seen-certificates.ts";
import { systemTrust, type TrustStore } from "./certificate/trust-store.ts";
import { simulateClients } from "./clients/simulate-clients.ts";
import { askFurther } from "./further-facts.ts";
import { worstLetter } from "./grade.ts";
import { overallGrade } from "./overall-grade.ts";
import { findingsOnPart, leastOnPart, verdictsOnPart } from "./partial-facts.ts";
import type { Prober } from "./prober.ts";
import { type FoundProtocol, reportProtocol, suitesAlone } from "./protocol-report.ts";
import type { AuditReport, ChainReport, Features, Finding, ProtocolReport } from "./report.ts";
import { reportSslv2 } from "./sslv2.ts";
import { assessWeaknesses } from "./weaknesses/weaknesses.ts";

/** What the probes of a target found: the report without its frame. */
export type Found = Pick<
  AuditReport,
  | "tls"
  | "starttls"
  | "speaks"
  | "protocols"
  | "leastStrength"
  | "groups"
  | "signatureSchemes"
  | "features"
  | "certificates"
  | "chains"
  | "weaknesses"
  | "clients"
  | "findings"
  | "grade"
>;

/** What the probes of a server of TLS have found. */
export interface Spoken {
  /** Newest first. */
  readonly protocols: readonly FoundProtocol[];
  readonly sslv2: Sslv2ServerHello | undefined;
  /** Everything of these was asked: what is not here, the server does not have. */
  readonly isWhole: boolean;
}

/** What certificates are held against, and how TLS was reached. */
export interface Yardstick {
  /** The protocol in which TLS was asked for; undefined where it begins at once. */
  readonly starttls?: string | undefined;
  /** The name that was asked for; undefined where only an address is known. */
  readonly name: string | undefined;
  readonly now: Date;
  /** The system's store when left out. */
  readonly trust?: TrustStore | undefined;
  /** Authorities are asked whether certificates are revoked, until it is aborted. */
  readonly revocation?: AbortSignal | undefined;
}

/**
 * Asks a server of TLS what is left to ask, and says what is to be said of it. Never rejects for
 * what the peer does: a step that fails is an error of the prober's.
 */
export async function assessServer(
  prober: Prober,
  spoken: Spoken,
  yardstick: Yardstick,
): Promise<Found> {
  const seen = new SeenCertificates();
  const reports = await reportProtocols(prober, spoken, seen);
  const { features, modern, plainAnswer, ticket } = await askFurther(
    prober,
    spoken.protocols,
    yardstick.starttls,
  );
  for (const message of modern?.messages ?? []) seen.add(message, "TLSv1.3");
  const newest = reports["TLSv1.3"];
  const shown = modern?.schemes.map(schemeName) ?? [];
  if (newest !== undefined && shown.length > 0)
    reports["TLSv1.3"] = { ...newest, signatureSchemes: shown };
  const groups = union(Object.values(reports).map((report) => report.groups ?? []));
  const schemes = union(Object.values(reports).map((report) => report.signatureSchemes ?? []));
  const { verdicts, findings } = await assessWeaknesses({
    prober,
    protocols: spoken.protocols.map(({ version, name, preference, compressors, undecided }) => ({
      version,
      name,
      accepted: preference.ordered,
      undecided,
      compressors,
    })),
    features,
    starttls: yardstick.starttls,
    leaves: seen.chains.map(({ sent: [leaf] }) => leaf.x509.der),
    groups,
    schemes,
    sslv2: spoken.sslv2,
    plainAnswer,
    ticket,
  });
  const certified = await reportCertificates(prober, { seen, features, yardstick });
  const isWhole = spoken.isWhole && !prober.isIncomplete;
  const found = [
    ...(isWhole ? findings : findingsOnPart(findings)),
    ...certified.findings,
  ].toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const { certificates, chains } = certified;
  const facts = { protocols: reports, groups, features, certificates, chains, findings: found };
  const verdict = await judgeWhole(prober, facts);
  const least = worstLetter(lettersOf(reports));
  return {
    tls: true,
    ...facts,
    leastStrength: isWhole ? least : leastOnPart(least),
    ...(schemes.length === 0 ? {} : { signatureSchemes: schemes }),
    weaknesses: isWhole ? verdicts : verdictsOnPart(verdicts),
    ...verdict,
  };
}

type Facts = Parameters<typeof overallGrade>[0] & Parameters<typeof simulateClients>[0];

/** What is said of a whole alone: a letter from a part would be better than the server is. */
async function judgeWhole(prober: Prober, facts: Facts): Promise<Pick<Found, "clients" | "grade">> {
  if (prober.isIncomplete) return {};
  const clients = await attempt({ prober, probe: "clients", facts: "what real clients get" }, () =>
    simulateClients(facts),
  );
  const grade = await attempt({ prober, probe: "grade", facts: "the grade" }, () =>
    overallGrade(facts),
  );
  if (facts.chains?.length === 0 && grade === undefined)
    prober.note("grade", "there is none, for no certificate could be read");
  return {
    ...(clients === undefined ? {} : { clients }),
    ...(grade === undefined ? {} : { grade }),
  };
}

/** Every version's report; the certificates that its flights show go to `seen`. */
async function reportProtocols(
  prober: Prober,
  { protocols, sslv2 }: Spoken,
  seen: SeenCertificates,
): Promise<Record<string, ProtocolReport>> {
  const reports: Record<string, ProtocolReport> = {};
  for (const protocol of protocols) {
    const { name } = protocol;
    reports[name] =
      (await attempt({ prober, probe: name, facts: "the grades of its suites" }, () =>
        reportProtocol(protocol, ({ flight }) => seen.add(flight, name)),
      )) ?? suitesAlone(protocol);
  }
  for (const { name, keyExchange } of protocols)
    for (const flight of keyExchange?.flights ?? []) seen.add(flight, name);
  if (sslv2 !== undefined) reports["SSLv2"] = reportSslv2(sslv2);
  return reports;
}

interface Certified {
  readonly seen: SeenCertificates;
  readonly features: Features;
  readonly yardstick: Yardstick;
}

/** Everything that is to be said of certificates. */
async function reportCertificates(
  prober: Prober,
  { seen, features, yardstick }: Certified,
): Promise<Required<Pick<Found, "certificates" | "chains" | "findings">>> {
  const { name, now } = yardstick;
  const certificates = seen.all.map(({ report }) => report);
  const chains: ChainReport[] = [];
  for (const sent of seen.chains) {
    const chain = await attempt({ prober, probe: "chain", facts: "whether it is trusted" }, () =>
      assessChain(prober, sent, yardstick),
    );
    if (chain !== undefined) chains.push(chain);
  }
  const findings = await attempt(
    { prober, probe: "certificate", facts: "what is to be said of the certificates" },
    () => certificateFindings(chains, certificates, features, { name, now }),
  );
  return { certificates, chains, findings: findings ?? [] };
}

async function assessChain(
  prober: Prober,
  sent: SentChain,
  { trust, name, now, revocation: signal }: Yardstick,
): Promise<ChainReport> {
  const context = { store: trust ?? (await systemTrust()), name, now };
  const chain = reportChain(sent, context);
  if (signal === undefined) return chain;
  // Loaded when asked for: it brings an HTTP client.
  const { askRevocation } = await import("./revocation/ask-revocation.ts");
  const revocation = await askRevocation(sent, context, signal);
  for (const { method, status, detail } of revocation)
    if (status === "could not tell")
      prober.note("revocation", method === undefined ? detail : `${method}: ${detail}`);
  return { ...chain, revocation };
}

function lettersOf(reports: Readonly<Record<string, ProtocolReport>>): string[] {
  return Object.values(reports).flatMap(({ ciphers }) => ciphers.map(({ strength }) => strength));
}

const SEVERITIES: readonly Finding["severity"][] = ["critical", "high", "medium", "low", "info"];

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}
