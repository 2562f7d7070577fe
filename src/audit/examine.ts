import { VERSIONS } from "../tls/client-hello.ts";
import { alertText } from "../tls/alerts.ts";
import { schemeName } from "../tls/signature-schemes.ts";
import type { Sslv2ServerHello } from "../tls/sslv2.ts";
import type { Answer } from "./connection.ts";
import { certificateFindings } from "./certificate/certificate-findings.ts";
import { reportChain } from "./certificate/chain-report.ts";
import { SeenCertificates } from "./certificate/seen-certificates.ts";
import { systemTrust, type TrustStore } from "./certificate/trust-store.ts";
import { findCompressors } from "./compressors.ts";
import { type Enumeration, enumerate, FIRST_VERSION, HiddenFamilies } from "./enumerate.ts";
import { askFurther } from "./further-facts.ts";
import { worstLetter } from "./grade.ts";
import { findKeyExchange } from "./key-exchange.ts";
import { findPreference } from "./preference.ts";
import { overallGrade } from "./overall-grade.ts";
import type { Prober } from "./prober.ts";
import { reachTls, type ReachOptions } from "./reach-tls.ts";
import { type FoundProtocol, reportProtocol } from "./protocol-report.ts";
import { findSslv2, reportSslv2 } from "./sslv2.ts";
import type { AuditReport, Finding, ProtocolReport } from "./report.ts";
import { judgeWeaknesses } from "./weaknesses/weaknesses.ts";

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
  | "findings"
  | "grade"
>;

const NOTHING: Found = { protocols: {}, groups: [], certificates: [], findings: [] };

/** What certificates are held against, and how the target is named. */
export interface Context extends ReachOptions {
  readonly now: Date;
  /** The system's store when left out. */
  readonly trust?: TrustStore | undefined;
}

/** Finds out everything about one target. */
export async function examine(prober: Prober, context: Context): Promise<Found> {
  const name = prober.serverName;
  const reached = await reachTls(prober, context);
  if (reached.kind !== "tls")
    return {
      ...NOTHING,
      ...(reached.kind === "plain" ? { tls: false } : {}),
      ...(reached.speaks === undefined ? {} : { speaks: reached.speaks }),
    };
  const { first, starttls } = reached;
  const [protocols, sslv2] = await Promise.all([enumerateAll(prober, first), findSslv2(prober)]);
  const frame = starttls === undefined ? {} : { starttls, speaks: starttls };
  if (protocols.length > 0 || sslv2 !== undefined)
    return { ...(await judge(prober, { protocols, sslv2 }, { ...context, name })), ...frame };
  // An alert is TLS, even where no suite of ours was good enough.
  const alert = first.kind === "flight" ? first.flight.alert : undefined;
  prober.note("ciphers", `none was accepted${alert === undefined ? "" : `: ${alertText(alert)}`}`);
  return { ...NOTHING, ...frame, tls: true };
}

/**
 * All versions side by side: the prober decides how many connections that really are. Newest first.
 */
async function enumerateAll(prober: Prober, first: Answer): Promise<FoundProtocol[]> {
  const bearsLongHellos = first.kind === "flight" && first.flight.hello !== undefined;
  const hidden = new HiddenFamilies();
  const searches = await Promise.all(
    VERSIONS.toReversed().map(async ({ code, name }) => {
      const options =
        code === FIRST_VERSION
          ? { first, bearsLongHellos: false, hidden }
          : { first: undefined, bearsLongHellos, hidden };
      return { version: code, name, enumeration: await enumerate(prober, code, options) };
    }),
  );
  const spoken = searches.filter(({ enumeration }) => enumeration.runs.length > 0);
  tellDoubts(prober, searches, spoken.length > 0);
  const newestOlder = spoken.find(({ version }) => version < 0x0304);
  return Promise.all(
    spoken.map(async (search): Promise<FoundProtocol> => {
      const { version, name, enumeration } = search;
      const accepted = enumeration.runs.flat();
      const [preference, compressors, keyExchange] = await Promise.all([
        findPreference(prober, version, enumeration),
        version === 0x0304 ? undefined : findCompressors(prober, version, accepted),
        version === 0x0304 || search === newestOlder
          ? findKeyExchange(prober, version, accepted)
          : undefined,
      ]);
      return { version, name, preference, compressors, keyExchange };
    }),
  );
}

interface Search {
  readonly name: string;
  readonly enumeration: Enumeration;
}

/**
 * A version that was answered with neither yes nor no: closing is how a server says no that still
 * takes what it took before (the prober has asked).
 */
function tellDoubts(prober: Prober, searches: readonly Search[], isAnswered: boolean): void {
  for (const { name, enumeration } of searches) {
    const { doubt } = enumeration;
    if (doubt !== undefined && (doubt.isSilent || !isAnswered))
      prober.note(name, `could not tell whether it is offered: ${doubt.reason}`);
  }
}

/** What the probes of a server of TLS have found. */
interface Spoken {
  readonly protocols: readonly FoundProtocol[];
  readonly sslv2: Sslv2ServerHello | undefined;
}

async function judge(
  prober: Prober,
  { protocols, sslv2 }: Spoken,
  { name, now, trust }: Context & { readonly name: string | undefined },
): Promise<Found> {
  const seen = new SeenCertificates();
  const reports: Record<string, ProtocolReport> = {};
  for (const protocol of protocols)
    reports[protocol.name] = reportProtocol(protocol, (accepted) =>
      seen.add(accepted.flight, protocol.name),
    );
  for (const protocol of protocols)
    for (const flight of protocol.keyExchange?.flights ?? []) seen.add(flight, protocol.name);
  if (sslv2 !== undefined) reports["SSLv2"] = reportSslv2(sslv2);
  const letters = Object.values(reports).flatMap((report) =>
    report.ciphers.map((cipher) => cipher.strength),
  );
  const groups = union(Object.values(reports).map((report) => report.groups ?? []));
  const { features, modern, plainAnswer, ticket } = await askFurther(prober, protocols);
  for (const message of modern?.messages ?? []) seen.add(message, "TLSv1.3");
  if (reports["TLSv1.3"] !== undefined && (modern?.schemes.length ?? 0) > 0)
    reports["TLSv1.3"] = {
      ...reports["TLSv1.3"],
      signatureSchemes: modern?.schemes.map(schemeName) ?? [],
    };
  const schemes = union(Object.values(reports).map((report) => report.signatureSchemes ?? []));
  const spoken = protocols.map(({ version, name: protocol, preference, compressors }) => ({
    version,
    name: protocol,
    accepted: preference.ordered,
    compressors,
  }));
  const leaves = seen.chains.map(({ sent: [leaf] }) => leaf.x509.der);
  const { verdicts, findings } = await judgeWeaknesses({
    prober,
    protocols: spoken,
    features,
    leaves,
    groups,
    schemes,
    sslv2,
    plainAnswer,
    ticket,
  });
  for (const fault of seen.faults) prober.note("certificate", fault);
  const certificates = seen.all.map(({ report }) => report);
  const store = seen.chains.length === 0 ? undefined : (trust ?? (await systemTrust()));
  const chains =
    store === undefined ? [] : seen.chains.map((chain) => reportChain(chain, { store, name, now }));
  const found = [
    ...findings,
    ...certificateFindings(chains, certificates, features, { name, now }),
  ];
  const grade = overallGrade({ protocols: reports, certificates, chains, findings: found });
  return {
    tls: true,
    protocols: reports,
    leastStrength: worstLetter(letters),
    groups,
    ...(schemes.length === 0 ? {} : { signatureSchemes: schemes }),
    features,
    certificates,
    chains,
    weaknesses: verdicts,
    findings: found.toSorted(
      (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
    ),
    ...(grade === undefined ? {} : { grade }),
  };
}

const SEVERITIES: readonly Finding["severity"][] = ["critical", "high", "medium", "low", "info"];

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}
