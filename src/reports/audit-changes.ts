import type { AuditReport } from "../audit/report.ts";
import { plainText } from "./audit-summary.ts";

/**
 * What is different in a port's new report, for people: the verdict, the grade, versions and suites
 * that came or went, the certificate, findings that came or went. Empty when nothing that counts is.
 * A part that one of the two could not tell is left out.
 */
export function auditChanges(before: AuditReport, after: AuditReport): string[] {
  const [was, is] = [verdictText(before), verdictText(after)];
  if (was !== is) return [`${was} → ${is}`];
  return [
    ...changed("grade", before.grade?.letter, after.grade?.letter),
    ...moved("versions", Object.keys(before.protocols), Object.keys(after.protocols)),
    ...moved("suites", suitesOf(before), suitesOf(after)),
    ...changed(
      "certificate",
      certificateText(before.certificates[0]),
      certificateText(after.certificates[0]),
    ),
    ...moved("findings", findingsOf(before), findingsOf(after)),
  ];
}

function verdictText(report: AuditReport): string {
  return report.tls === true ? "TLS" : plainText(report);
}

function suitesOf({ protocols }: AuditReport): string[] {
  return Object.entries(protocols).flatMap(([version, { ciphers }]) =>
    ciphers.map(({ name }) => `${version} ${name}`),
  );
}

function findingsOf({ findings }: AuditReport): string[] {
  return findings.map(({ id }) => id);
}

function certificateText(leaf: AuditReport["certificates"][number] | undefined) {
  return leaf === undefined
    ? undefined
    : `${leaf.subject} until ${leaf.notAfter?.slice(0, 10) ?? "?"} (${leaf.fingerprintSha256.slice(0, 11)}…)`;
}

function changed(what: string, before: string | undefined, after: string | undefined): string[] {
  if (before === undefined || after === undefined || before === after) return [];
  return [`${what} ${before} → ${after}`];
}

/** What came with a plus, what went with a minus, in a bounded number of words. */
function moved(what: string, before: readonly string[], after: readonly string[]): string[] {
  const [were, are] = [new Set(before), new Set(after)];
  const signs = [
    ...[...are].filter((one) => !were.has(one)).map((one) => `+${one}`),
    ...[...were].filter((one) => !are.has(one)).map((one) => `-${one}`),
  ];
  if (signs.length === 0) return [];
  const more = signs.length > SHOWN_MAX ? ` and ${signs.length - SHOWN_MAX} more` : "";
  return [`${what} ${signs.slice(0, SHOWN_MAX).join(" ")}${more}`];
}

const SHOWN_MAX = 8;
