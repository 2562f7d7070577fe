import type { AuditReport } from "../audit/report.ts";
import { incompleteText } from "./audit-summary.ts";
import { escaped } from "./escaped.ts";

/** A column: its name, and what stands in it. */
type Column = readonly [name: string, value: (report: AuditReport) => string | number | undefined];

/** One line a target. Lists are joined by spaces. */
const COLUMNS: readonly Column[] = [
  ["target", ({ target }) => target],
  ["host", ({ host }) => host],
  ["address", ({ address }) => address],
  ["port", ({ port }) => port],
  ["container", ({ container }) => container],
  ["tls", ({ tls }) => (tls === undefined ? "unknown" : tls ? "yes" : "no")],
  ["complete", (report) => (isWhole(report) ? "yes" : "no")],
  ["starttls", ({ starttls }) => starttls],
  ["speaks", ({ speaks }) => speaks],
  ["grade", ({ grade }) => grade?.letter],
  ["grade_without_trust", ({ grade }) => grade?.ignoringTrust ?? grade?.letter],
  ["least_strength", ({ leastStrength }) => leastStrength],
  ["protocols", ({ protocols }) => Object.keys(protocols).toSorted().join(" ")],
  ["suites", ({ protocols }) => suitesOf(protocols).join(" ")],
  ["groups", ({ groups }) => groups.join(" ")],
  ["subject", ({ certificates: [leaf] }) => leaf?.subject],
  ["issuer", ({ certificates: [leaf] }) => leaf?.issuer],
  ["not_after", ({ certificates: [leaf] }) => leaf?.notAfter],
  ["sha256", ({ certificates: [leaf] }) => leaf?.fingerprintSha256],
  ["findings", ({ findings }) => findings.map(({ id }) => id).join(" ")],
  ["error", ({ errors }) => (errors.find(({ code }) => code !== undefined) ?? errors[0])?.error],
  ["connections", ({ connections }) => connections],
  ["duration_ms", ({ durationMs }) => durationMs],
  ["started_at", ({ startedAt }) => startedAt],
];

/** The first line of a file of audits (RFC 4180; lines end with a line feed alone). */
export const AUDIT_CSV_HEAD = `${COLUMNS.map(([name]) => name).join(",")}\n`;

/** An audit as one line. */
export function auditCsv(report: AuditReport): string {
  return `${COLUMNS.map(([, value]) => cell(value(report))).join(",")}\n`;
}

function isWhole(report: AuditReport): boolean {
  return report.tls !== undefined && incompleteText(report) === undefined;
}

function suitesOf(protocols: AuditReport["protocols"]): string[] {
  const names = Object.values(protocols).flatMap(({ ciphers }) => ciphers.map(({ name }) => name));
  return [...new Set(names)].toSorted();
}

/**
 * A peer's words neither break a line nor begin as a formula: spreadsheets would compute what begins
 * with one of `= + - @`.
 */
function cell(value: string | number | undefined): string {
  if (typeof value !== "string") return value === undefined ? "" : String(value);
  const safe = /^[=+\-@]/.test(value) ? `'${escaped(value)}` : escaped(value);
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
