import { randomBytes } from "node:crypto";
import { cipherSuite } from "../tls/cipher-suites.ts";
import { encodeClientHello, VERSIONS, type VersionCode } from "../tls/client-hello.ts";
import { groupName } from "../tls/groups.ts";
import type { AuditTarget } from "./audit-target.ts";
import type { Answer } from "./connection.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { type Accepted, candidateSuites, enumerate, probeName } from "./enumerate.ts";
import { findings } from "./findings.ts";
import { forwardSecrecyWarning, gradeSuite, worstLetter } from "./grade.ts";
import { modernLeaf } from "./modern-leaf.ts";
import { identifyPlain } from "./plain-protocol.ts";
import { findPreference } from "./preference.ts";
import { Prober } from "./prober.ts";
import type { AuditReport, ProtocolReport } from "./report.ts";

export interface AuditOptions {
  readonly signal?: AbortSignal;
  /** The most time for a connection and for each wait for bytes; default 3 s. */
  readonly connectionTimeoutMs?: number;
  /** The most time for the whole target; default 20 s. */
  readonly targetTimeoutMs?: number;
  /** The most connections to the target at once; default 6. */
  readonly maxParallel?: number;
}

/**
 * Examines the TLS of one port: versions, suites with grades, order, certificate; or what it speaks instead. Ends within its time limit, and
 * never rejects for what the peer does: what could not be told stands in `errors`.
 */
export async function audit(target: AuditTarget, options: AuditOptions = {}): Promise<AuditReport> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const limit = AbortSignal.timeout(options.targetTimeoutMs ?? 20_000);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const prober = new Prober({
    connect: target.connect,
    signal,
    silenceMs: options.connectionTimeoutMs ?? 3000,
    serverName: target.serverName,
    maxParallel: options.maxParallel ?? 6,
  });
  const found = await examine(prober, target);
  if (limit.aborted) prober.note("target", "the time for this target is up: the rest was not examined");
  const { label, host, port, container } = target;
  return {
    target: label,
    host,
    port,
    ...(container === undefined ? {} : { container }),
    ...found,
    startedAt,
    durationMs: Math.round(performance.now() - start),
    connections: prober.connections,
    errors: prober.errors,
  };
}

type Found = Pick<AuditReport, "tls" | "speaks" | "protocols" | "leastStrength" | "groups" | "certificates" | "findings">;

const NOTHING: Found = { tls: false, protocols: {}, groups: [], certificates: [], findings: [] };

async function examine(prober: Prober, target: AuditTarget): Promise<Found> {
  const first = await firstAnswer(prober, target.serverName);
  if (first.kind === "unreachable") {
    prober.note("connect", first.reason);
    return NOTHING;
  }
  // Silence costs the whole waiting time each time, so one more word is said to a silent port, and no more.
  if (first.kind === "plain" || (first.kind === "nothing" && first.ending === "silent")) return { ...NOTHING, ...(await speaks(prober, first, target)) };
  const protocols: FoundProtocol[] = await enumerateAll(prober);
  if (protocols.length === 0) {
    const plain = first.kind === "nothing" ? await speaks(prober, first, target) : {};
    // An alert is TLS, even where no suite of ours was good enough.
    const isTls = first.kind === "flight";
    return { ...NOTHING, tls: isTls, ...(isTls ? {} : plain) };
  }
  return judge(prober, target, protocols);
}

/** One hello as a modern client sends it, to tell TLS from what is none before the long search begins. */
function firstAnswer(prober: Prober, serverName: string | undefined): Promise<Answer> {
  const suites = candidateSuites(0x0303).slice(0, 100);
  return prober.send(encodeClientHello({ version: 0x0303, suites, random: randomBytes(32), serverName }));
}

async function speaks(prober: Prober, first: Answer, target: AuditTarget): Promise<{ readonly speaks?: string }> {
  const what = await identifyPlain(prober, first, target.serverName ?? target.host);
  if (what === undefined) prober.note("plain protocol", "the port closes every connection without a word");
  return what === undefined ? {} : { speaks: what };
}

interface FoundProtocol {
  readonly version: VersionCode;
  readonly name: string;
  readonly accepted: readonly Accepted[];
  readonly preference: Awaited<ReturnType<typeof findPreference>>;
  readonly compressors: readonly string[];
}

/** All versions side by side: the prober decides how many connections that really are. */
async function enumerateAll(prober: Prober): Promise<FoundProtocol[]> {
  const doubts: (() => void)[] = [];
  const found = await Promise.all(
    VERSIONS.map(async ({ code, name }): Promise<FoundProtocol | undefined> => {
      const { accepted, isIncomplete, doubts: reasons } = await enumerate(prober, code, candidateSuites(code));
      const tell = (): void => reasons.forEach((reason) => prober.note(probeName(code), reason));
      if (accepted.length === 0) {
        doubts.push(tell);
        return undefined;
      }
      if (isIncomplete) tell();
      if (isIncomplete) prober.note(probeName(code), "there may be more than were found");
      const preference = await findPreference(prober, code, accepted);
      const compressors = code === 0x0304 ? [] : await findCompressors(prober, code, accepted);
      return { version: code, name, accepted, preference, compressors };
    }),
  );
  const protocols = found.filter((protocol) => protocol !== undefined);
  // Where other versions work, one that fails in whatever way for every suite is not there; where none does, the reasons matter.
  if (protocols.length === 0 || prober.isOver) for (const tell of doubts) tell();
  return protocols;
}

/** Compression methods by their number (RFC 3749, RFC 3943); NULL is always offered last. */
const COMPRESSORS: Readonly<Record<number, string>> = { 0: "NULL", 1: "DEFLATE", 64: "LZS" };

async function findCompressors(prober: Prober, version: VersionCode, accepted: readonly Accepted[]): Promise<string[]> {
  const suites = accepted.slice(0, 64).map(({ suite }) => suite);
  let offered = [1, 64];
  const found: string[] = [];
  for (;;) {
    const answer = await prober.hello({ version, suites, compressors: [...offered, 0] });
    const picked = answer.kind === "flight" ? answer.flight.hello?.compressor : undefined;
    // No answer to a hello with compression: those that had it say no to it, and NULL is what they all answered before.
    if (picked === undefined || picked === 0 || !offered.includes(picked)) return [...found, "NULL"].toSorted();
    found.push(COMPRESSORS[picked] ?? String(picked));
    offered = offered.filter((method) => method !== picked);
  }
}

async function judge(prober: Prober, target: AuditTarget, protocols: readonly FoundProtocol[]): Promise<Found> {
  const chains = new Map<string, readonly Certificate[]>();
  const leafOf = (accepted: Accepted): Certificate | undefined => {
    const der = accepted.flight.certificates[0];
    if (der === undefined) return undefined;
    const key = Buffer.from(der).toString("base64");
    const known = chains.get(key) ?? accepted.flight.certificates.map(readCertificate).filter((certificate) => certificate !== undefined);
    chains.set(key, known);
    return known[0];
  };
  const reports: Record<string, ProtocolReport> = {};
  for (const protocol of protocols) reports[protocol.name] = reportProtocol(protocol, leafOf);
  if (chains.size === 0) {
    const leaf = await modernLeaf(prober, target);
    if (leaf !== undefined) chains.set("", [leaf]);
  }
  const certificates = [...new Map([...chains.values()].flat().map(({ report }) => [report.fingerprintSha256, report])).values()];
  const letters = Object.values(reports).flatMap((report) => report.ciphers.map((cipher) => cipher.strength));
  return {
    tls: true,
    protocols: reports,
    leastStrength: worstLetter(letters),
    groups: [...new Set(protocols.flatMap((protocol) => protocol.accepted.flatMap(({ flight }) => groupOf(flight.hello?.group))))],
    certificates,
    findings: findings(reports, certificates),
  };
}

function groupOf(code: number | undefined): string[] {
  return code === undefined ? [] : [groupName(code)];
}

function reportProtocol(protocol: FoundProtocol, leafOf: (accepted: Accepted) => Certificate | undefined): ProtocolReport {
  const { version, accepted, preference, compressors } = protocol;
  const warnings = new Set<string>();
  const ciphers = accepted.map((one) => {
    const suite = cipherSuite(one.suite);
    const grade = gradeSuite({ suite, flight: one.flight, certificate: leafOf(one), version });
    for (const warning of grade.warnings) warnings.add(warning);
    const id = `0x${suite.id.toString(16).toUpperCase().padStart(4, "0")}`;
    return { id, name: suite.name, ...(grade.kexInfo === undefined ? {} : { kexInfo: grade.kexInfo }), strength: grade.letter };
  });
  const secrecy = forwardSecrecyWarning(accepted.map(({ suite }) => cipherSuite(suite)));
  if (secrecy !== undefined) warnings.add(secrecy);
  const byName = preference.preference === "server" ? ciphers : ciphers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ciphers: byName,
    ...(version === 0x0304 ? {} : { compressors }),
    ...(preference.preference === undefined ? {} : { cipherPreference: preference.preference }),
    ...(preference.error === undefined ? {} : { cipherPreferenceError: preference.error }),
    warnings: [...warnings].toSorted(),
  };
}
