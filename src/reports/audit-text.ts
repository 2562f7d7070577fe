import type { AuditReport, DatagramReport, Finding } from "../audit/report.ts";
import { certificateFacts, chainFacts, type Fact, featureFacts, weaknessFacts } from "./audit-facts.ts";
import { cipherBlock } from "./audit-nmap.ts";
import { auditSummary, escaped, gradeText } from "./audit-summary.ts";

/** An audit for people: the first line says what matters, then the grade with its reasons, findings, suites as ssl-enum-ciphers prints them, and the rest. */
export function auditText(report: AuditReport): string {
  const sections = [
    gradeLines(report),
    section("findings:", report.findings.flatMap(findingLines)),
    section("ssl-enum-ciphers: ", Object.keys(report.protocols).length > 0 ? cipherBlock(report) : []),
    section("features:", factLines(featureFacts(report))),
    ...certificateSections(report),
    section("weaknesses:", factLines(weaknessFacts(report))),
    section("over UDP:", [...datagramLines("DTLS", report.datagram?.dtls), ...datagramLines("QUIC", report.datagram?.quic)]),
    section("could not tell:", report.errors.map(({ probe, error }) => `  ${probe}: ${escaped(error)}`)),
  ];
  return [auditSummary(report), whereLine(report), "", ...sections.filter((lines) => lines.length > 0).flatMap((lines) => [...lines, ""])].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function whereLine({ startedAt, host, port, container, reachable }: AuditReport): string {
  const inside = container === undefined ? "" : ` in container ${container}`;
  return `examined ${startedAt}, at ${host} port ${port}${inside}${reachable === undefined ? "" : `; reachable: ${reachable}`}`;
}

function gradeLines({ grade }: AuditReport): string[] {
  if (grade === undefined) return [];
  const { protocol, keyExchange, cipher } = grade.scores;
  return [
    `${gradeText(grade)}, score ${grade.score}: protocols ${protocol}, key exchange ${keyExchange}, ciphers ${cipher}`,
    ...grade.caps.map(({ cap, reason }) => `  ${cap.padEnd(3)} at best: ${escaped(reason)}`),
  ];
}

function findingLines({ severity, title, evidence, explanation }: Finding): string[] {
  return [`  ${severity.padEnd(8)} ${title}: ${escaped(evidence)}`, ...(explanation === undefined ? [] : [`  ${"".padEnd(8)}   ${explanation}`])];
}

function factLines(facts: readonly Fact[]): string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `  ${name.padEnd(width)}  ${escaped(value)}`);
}

/** Each chain with its leaf, then what else was sent; certificates that belong to no chain come last. */
function certificateSections({ certificates, chains = [] }: AuditReport): string[][] {
  const shown = new Set<string>();
  const sections = chains.map((chain) => [`chain of the ${chain.keyType} key (${chain.protocols.join(", ")}, ${chain.sent.length} sent):`, ...factLines(chainFacts(chain))]);
  const one = (print: string, title: string): string[] => {
    const certificate = certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === print);
    if (certificate === undefined || shown.has(print)) return [];
    shown.add(print);
    return [title, ...factLines(certificateFacts(certificate))];
  };
  const leaves = chains.map(({ sent: [leaf = ""] }) => one(leaf, "certificate:"));
  return [...sections.flatMap((lines, index) => [lines, leaves[index] ?? []]), ...certificates.map(({ fingerprintSha256 }) => one(fingerprintSha256, chains.length > 0 ? "further certificate:" : "certificate:"))];
}

function datagramLines(name: string, report: DatagramReport | undefined): string[] {
  if (report === undefined) return [];
  const facts: Fact[] = [[name, report.versions.join(", ")]];
  if (report.cipher !== undefined) facts.push(["suite", report.cipher.name]);
  if (report.group !== undefined) facts.push(["group", report.group]);
  if (report.alpn !== undefined) facts.push(["ALPN", report.alpn.join(", ")]);
  return [...factLines(facts), ...report.certificates.slice(0, 1).flatMap((leaf) => factLines(certificateFacts(leaf)))];
}
