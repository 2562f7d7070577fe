import type { AuditReport, Finding } from "../audit/report.ts";
import {
  certificateFacts,
  chainFacts,
  datagramFacts,
  datagrams,
  type Fact,
  featureFacts,
  weaknessFacts,
  whereText,
} from "./audit-facts.ts";
import { clientLines } from "./audit-clients.ts";
import { cipherBlock } from "./audit-nmap.ts";
import { auditSummary, gradeText } from "./audit-summary.ts";
import { escaped } from "./escaped.ts";
import { type Ink, inkFor, letterTone, severityTone } from "./ink.ts";

/** How a text looks. */
export interface AuditTextOptions {
  /** With the colours of a terminal; default none. */
  readonly colour?: boolean;
}

/**
 * An audit for people: the first line says what matters, then the grade with its reasons, findings,
 * suites as ssl-enum-ciphers prints them, and the rest.
 */
export function auditText(report: AuditReport, { colour = false }: AuditTextOptions = {}): string {
  const ink = inkFor(colour);
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [ink("strong", title), ...lines];
  const sections = [
    gradeLines(report, ink),
    section(
      "findings:",
      report.findings.flatMap((finding) => findingLines(finding, ink)),
    ),
    section(
      "ssl-enum-ciphers: ",
      Object.keys(report.protocols).length > 0
        ? cipherBlock(report).map((line) => suiteInk(line, ink))
        : [],
    ),
    section("features:", factLines(featureFacts(report))),
    ...certificateSections(report).map(([title = "", ...lines]) => section(title, lines)),
    section("weaknesses:", factLines(weaknessFacts(report))),
    section("clients:", clientLines(report).map(escaped)),
    section(
      "over UDP:",
      datagrams(report).flatMap(([name, one]) => [
        ...factLines(datagramFacts(name, one)),
        ...cipherBlock({ protocols: one.protocols ?? {} }).map((line) => suiteInk(line, ink)),
      ]),
    ),
    section(
      "could not tell:",
      report.errors.map(({ probe, error }) => `  ${escaped(probe)}: ${escaped(error)}`),
    ),
  ];
  return [
    ink("strong", auditSummary(report)),
    ink("dim", escaped(whereText(report))),
    ...changeLines(report).map((line) => ink("dim", line)),
    "",
    ...sections.filter((lines) => lines.length > 0).flatMap((lines) => [...lines, ""]),
  ].join("\n");
}

function changeLines({ changes }: AuditReport): string[] {
  if (changes === undefined) return [];
  const what = changes.what.length === 0 ? "nothing that counts" : changes.what.join("; ");
  return [`changed since ${escaped(changes.since)}: ${escaped(what)}`];
}

function gradeLines({ grade }: AuditReport, ink: Ink): string[] {
  if (grade === undefined) return [];
  const { protocol, keyExchange, cipher } = grade.scores;
  return [
    ink(
      letterTone(grade.letter),
      `${gradeText(grade)}, score ${grade.score}: protocols ${protocol}, key exchange ${keyExchange}, ciphers ${cipher}`,
    ),
    ...grade.caps.map(
      ({ cap, reason }) => `  ${ink(letterTone(cap), cap.padEnd(3))} at best: ${escaped(reason)}`,
    ),
  ];
}

function findingLines({ severity, title, evidence, explanation }: Finding, ink: Ink): string[] {
  const lines = [
    `  ${ink(severityTone(severity), severity.padEnd(8))} ${title}: ${escaped(evidence)}`,
  ];
  return explanation === undefined
    ? lines
    : [...lines, ink("dim", `  ${"".padEnd(8)}   ${explanation}`)];
}

/** A suite's letter in its colour. */
function suiteInk(line: string, ink: Ink): string {
  return line.replace(/(?<= - |least strength: )(?:[A-F]|unknown)$/, (letter) =>
    ink(letterTone(letter), letter),
  );
}

function factLines(facts: readonly Fact[]): string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `  ${name.padEnd(width)}  ${escaped(value)}`);
}

/**
 * Each chain with its leaf, then what else was sent; certificates that belong to no chain come
 * last.
 */
function certificateSections({ certificates, chains = [] }: AuditReport): string[][] {
  const shown = new Set<string>();
  const sections = chains.map((chain) => [
    `chain of the ${chain.keyType} key (${chain.protocols.join(", ")}, ${chain.sent.length} sent):`,
    ...factLines(chainFacts(chain)),
  ]);
  const one = (print: string, title: string): string[] => {
    const certificate = certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === print);
    if (certificate === undefined || shown.has(print)) return [];
    shown.add(print);
    return [title, ...factLines(certificateFacts(certificate))];
  };
  const leaves = chains.map(({ sent: [leaf = ""] }) => one(leaf, "certificate:"));
  return [
    ...sections.flatMap((lines, index) => [lines, leaves[index] ?? []]),
    ...certificates.map(({ fingerprintSha256 }) =>
      one(fingerprintSha256, chains.length > 0 ? "further certificate:" : "certificate:"),
    ),
  ];
}
