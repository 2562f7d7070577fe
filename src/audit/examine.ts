import { COMMON, roomForSuites, VERSIONS, type VersionCode } from "../tls/client-hello.ts";
import { alertText } from "../tls/alerts.ts";
import { knownPrime } from "../tls/dh-primes.ts";
import type { Sslv2ServerHello } from "../tls/sslv2.ts";
import { findAlpn, findFallbackScsv, findSniBehaviour, shownAbilities } from "./abilities.ts";
import type { Answer } from "./connection.ts";
import { certificateFindings } from "./certificate/certificate-findings.ts";
import { reportChain } from "./certificate/chain-report.ts";
import { SeenCertificates } from "./certificate/seen-certificates.ts";
import { systemTrust, type TrustStore } from "./certificate/trust-store.ts";
import { findCompressors } from "./compressors.ts";
import { candidateSuites, type Enumeration, enumerate, firstHello } from "./enumerate.ts";
import { worstLetter } from "./grade.ts";
import { findKeyExchange } from "./key-exchange.ts";
import { modernCertificates } from "./modern-leaf.ts";
import { identifyPlain } from "./plain-protocol.ts";
import { findPreference } from "./preference.ts";
import { overallGrade } from "./overall-grade.ts";
import type { Prober } from "./prober.ts";
import { type FoundProtocol, reportProtocol } from "./protocol-report.ts";
import { findSslv2, reportSslv2 } from "./sslv2.ts";
import type { AuditReport, Features, Finding, ProtocolReport } from "./report.ts";
import { primesOf } from "./weaknesses/suite-weaknesses.ts";
import { judgeWeaknesses } from "./weaknesses/weaknesses.ts";

/** What the probes of a target found: the report without its frame. */
export type Found = Pick<AuditReport, "tls" | "speaks" | "protocols" | "leastStrength" | "groups" | "signatureSchemes" | "features" | "certificates" | "chains" | "weaknesses" | "findings" | "grade">;

const NOTHING: Found = { tls: false, protocols: {}, groups: [], certificates: [], findings: [] };

/** The version of the first hello: nearly all servers have it, and those that do not say so in TLS. */
const FIRST_VERSION = 0x0303;

/** What certificates are held against, and how the target is named. */
export interface Context {
  /** What an HTTP request names. */
  readonly host: string;
  readonly now: Date;
  /** The system's store when left out. */
  readonly trust?: TrustStore | undefined;
}

/** Finds out everything about one target. */
export async function examine(prober: Prober, context: Context): Promise<Found> {
  const { host } = context;
  const name = prober.serverName;
  const first = await firstAnswer(prober);
  if (first.kind === "unreachable") {
    prober.note("connect", first.reason);
    return NOTHING;
  }
  if (first.kind === "plain") return { ...NOTHING, speaks: (await identifyPlain(prober, first, host)) ?? "unknown" };
  if (first.kind === "nothing") {
    const [isOther, sslv2, speaks] = await Promise.all([answersToOther(prober), findSslv2(prober), identifyPlain(prober, first, host)]);
    const isTls = isOther || sslv2 !== undefined;
    if (!isTls && speaks === undefined) prober.note("protocol", "the port closes every connection without a word");
    if (!isTls) return { ...NOTHING, ...(speaks === undefined ? {} : { speaks }) };
  }
  const [protocols, sslv2] = await Promise.all([enumerateAll(prober, first), findSslv2(prober)]);
  if (protocols.length > 0 || sslv2 !== undefined) return judge(prober, { protocols, sslv2 }, { ...context, name });
  // An alert is TLS, even where no suite of ours was good enough.
  const alert = first.kind === "flight" ? first.flight.alert : undefined;
  prober.note("ciphers", `none was accepted${alert === undefined ? "" : `: ${alertText(alert)}`}`);
  return { ...NOTHING, tls: true };
}

/** The first hello of the search, which also tells TLS from what is none. A server that refuses the name is asked again without. */
async function firstAnswer(prober: Prober): Promise<Answer> {
  const hello = firstHello(FIRST_VERSION);
  const answer = await prober.hello(hello);
  const isNameRefused = answer.kind === "flight" && answer.flight.alert?.description === UNRECOGNIZED_NAME;
  if (!isNameRefused) return answer;
  prober.note("server name", prober.serverName === undefined ? "the server refuses clients that name no host" : `the server refuses ${prober.serverName}; examined without a name`);
  if (prober.serverName === undefined) return answer;
  prober.serverName = undefined;
  return prober.hello(hello);
}

const UNRECOGNIZED_NAME = 112;

/** Whether a port that said nothing to the first hello answers to a shorter or another one: all at once, for each may wait its full time. */
async function answersToOther(prober: Prober): Promise<boolean> {
  prober.widen(OTHER_VERSIONS.length + 1);
  const answers = await Promise.all(
    OTHER_VERSIONS.map((version) => {
      const room = roomForSuites({ version, serverName: prober.serverName, ...COMMON }, 255);
      return prober.hello({ version, suites: candidateSuites(version).slice(0, room), ...COMMON });
    }),
  );
  return answers.some(({ kind }) => kind === "flight");
}

const OTHER_VERSIONS: readonly VersionCode[] = [0x0303, 0x0304, 0x0301, 0x0300];

/** All versions side by side: the prober decides how many connections that really are. Newest first. */
async function enumerateAll(prober: Prober, first: Answer): Promise<FoundProtocol[]> {
  const bearsLongHellos = first.kind === "flight" && first.flight.hello !== undefined;
  const searches = await Promise.all(
    VERSIONS.toReversed().map(async ({ code, name }) => {
      const options = code === FIRST_VERSION ? { first, bearsLongHellos: false } : { first: undefined, bearsLongHellos };
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
        version === 0x0304 || search === newestOlder ? findKeyExchange(prober, version, accepted) : undefined,
      ]);
      return { version, name, preference, compressors, keyExchange };
    }),
  );
}

interface Search {
  readonly name: string;
  readonly enumeration: Enumeration;
}

/** A version that was answered with neither yes nor no: closing is how a server says no that still takes what it took before (the prober has asked). */
function tellDoubts(prober: Prober, searches: readonly Search[], isAnswered: boolean): void {
  for (const { name, enumeration } of searches) {
    const { doubt } = enumeration;
    if (doubt !== undefined && (doubt.isSilent || !isAnswered)) prober.note(name, `could not tell whether it is offered: ${doubt.reason}`);
  }
}

/** What the server can do besides, with few connections. */
async function findFeatures(prober: Prober, protocols: readonly FoundProtocol[]): Promise<Features> {
  const spoken = protocols.map(({ version, preference }) => ({ version, accepted: preference.ordered }));
  const older = spoken.find(({ version }) => version < 0x0304 && version > 0x0300);
  const [prime] = primesOf(spoken).toSorted((a, b) => a.bits - b.bits);
  const known = prime === undefined ? undefined : knownPrime(prime.prime);
  const [alpn, fallbackScsv, sni] = await Promise.all([
    older === undefined ? undefined : findAlpn(prober, older),
    findFallbackScsv(prober, spoken),
    older === undefined ? undefined : findSniBehaviour(prober, older),
  ]);
  return {
    ...shownAbilities(spoken),
    ...(alpn === undefined ? {} : { alpn }),
    ...(fallbackScsv === undefined ? {} : { fallbackScsv }),
    ...(sni === undefined ? {} : { sni }),
    ...(prime === undefined ? {} : { dhPrime: { bits: prime.bits, ...(known === undefined ? {} : { known }) } }),
  };
}

/** What the probes of a server of TLS have found. */
interface Spoken {
  readonly protocols: readonly FoundProtocol[];
  readonly sslv2: Sslv2ServerHello | undefined;
}

async function judge(prober: Prober, { protocols, sslv2 }: Spoken, { name, now, trust }: Context & { readonly name: string | undefined }): Promise<Found> {
  const seen = new SeenCertificates();
  const reports: Record<string, ProtocolReport> = {};
  for (const protocol of protocols) reports[protocol.name] = reportProtocol(protocol, (accepted) => seen.add(accepted.flight, protocol.name));
  for (const protocol of protocols) for (const flight of protocol.keyExchange?.flights ?? []) seen.add(flight, protocol.name);
  if (sslv2 !== undefined) reports["SSLv2"] = reportSslv2(sslv2);
  const letters = Object.values(reports).flatMap((report) => report.ciphers.map((cipher) => cipher.strength));
  const groups = union(Object.values(reports).map((report) => report.groups ?? []));
  const schemes = union(Object.values(reports).map((report) => report.signatureSchemes ?? []));
  const isEncryptedOnly = seen.isEmpty && reports["TLSv1.3"] !== undefined && !prober.isOver;
  const [features, modern] = await Promise.all([findFeatures(prober, protocols), isEncryptedOnly ? modernCertificates(prober) : []]);
  if (modern.length > 0) seen.add({ certificates: modern, ocspResponse: undefined, hello: undefined }, "TLSv1.3");
  const spoken = protocols.map(({ version, name: protocol, preference, compressors }) => ({ version, name: protocol, accepted: preference.ordered, compressors }));
  const leaves = seen.chains.map(({ sent: [leaf] }) => leaf.x509.der);
  const { verdicts, findings } = await judgeWeaknesses({ prober, protocols: spoken, features, leaves, groups, schemes, sslv2 });
  for (const fault of seen.faults) prober.note("certificate", fault);
  const certificates = seen.all.map(({ report }) => report);
  const store = seen.chains.length === 0 ? undefined : (trust ?? (await systemTrust()));
  const chains = store === undefined ? [] : seen.chains.map((chain) => reportChain(chain, { store, name, now }));
  const found = [...findings, ...certificateFindings(chains, certificates, features, { name, now })];
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
    findings: found.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)),
    ...(grade === undefined ? {} : { grade }),
  };
}

const SEVERITIES: readonly Finding["severity"][] = ["critical", "high", "medium", "low", "info"];

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}
