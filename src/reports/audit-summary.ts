import type { AuditReport } from "../audit/report.ts";

/** An audit in one line for the terminal. Certificates' names are the peer's own words, so they are escaped. */
export function auditSummary(report: AuditReport): string {
  const cost = `${report.durationMs} ms, ${report.connections} connections`;
  if (!report.tls) return `${report.target} ${plainText(report)}, ${cost}`;
  const versions = Object.keys(report.protocols).toSorted();
  if (versions.length === 0) return `${report.target} TLS, but no suite was accepted, ${cost}`;
  const suites = Object.values(report.protocols).reduce((sum, protocol) => sum + protocol.ciphers.length, 0);
  const leaf = report.certificates[0];
  const certificate = leaf === undefined ? [] : [`${escaped(leaf.subject)} until ${leaf.notAfter.slice(0, 10)}`];
  const worst = report.findings.filter((finding) => finding.severity !== "info").map((finding) => finding.id);
  return [`${report.target} ${versions.join(" ")}`, `least strength ${report.leastStrength ?? "unknown"}`, `${suites} suites`, ...certificate, ...(worst.length > 0 ? [worst.join(" ")] : []), cost].join(", ");
}

/** What a port without TLS is. */
export function plainText(report: AuditReport): string {
  if (report.speaks === "silent") return "no TLS (silent)";
  if (report.speaks !== undefined) return report.speaks === "unknown" ? "no TLS (speaks something unknown)" : `no TLS (speaks ${report.speaks.toUpperCase()})`;
  return `could not be examined (${report.errors[0]?.error ?? "no answer"})`;
}

/** Control characters written out, so that a peer cannot move the terminal's cursor. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
