import type { AuditReport } from "../audit/report.ts";
import { escaped } from "./escaped.ts";

/**
 * An audit in one line: what the port speaks, how good it is, what is worst. Certificates' names
 * are the peer's own words, so they are escaped.
 */
export function auditSummary(report: AuditReport): string {
  return escaped(
    [
      ...summaryParts(report),
      ...datagramText(report),
      report.scanner === undefined
        ? `${report.durationMs} ms, ${report.connections} connections`
        : `${report.durationMs} ms, examined by ${report.scanner}`,
    ].join(", "),
  );
}

function summaryParts(report: AuditReport): string[] {
  if (report.tls !== true) return [`${report.target} ${plainText(report)}`];
  const versions = Object.keys(report.protocols).toSorted();
  const incomplete = incompleteText(report);
  const target = `${report.target}${incomplete === undefined ? "" : ` ${incomplete}:`}`;
  if (versions.length === 0) return [`${target} TLS, but no suite was accepted`];
  const suites = Object.values(report.protocols).reduce(
    (sum, protocol) => sum + protocol.ciphers.length,
    0,
  );
  const leaf = report.certificates[0];
  return [
    `${target} ${versions.join(" ")}${report.starttls === undefined ? "" : ` after STARTTLS (${report.starttls})`}`,
    ...(report.grade === undefined ? [] : [gradeText(report.grade)]),
    ...(report.errors.some(({ code }) => code === "differs") ? ["answers differently"] : []),
    `least strength ${report.leastStrength ?? "unknown"}`,
    `${suites} suites`,
    ...(leaf === undefined
      ? []
      : [`${leaf.subject} until ${leaf.notAfter?.slice(0, 10) ?? "a day that cannot be read"}`]),
    ...worst(report),
  ];
}

/** That a report is not whole, and why; undefined for one that is. */
export function incompleteText({ errors }: Pick<AuditReport, "errors">): string | undefined {
  const [reason] = errors.filter(({ code }) => code === "incomplete" || code === "spared");
  return reason === undefined
    ? undefined
    : `INCOMPLETE (${escaped(`${reason.probe}: ${reason.error}`)})`;
}

/** `grade T (A without trust)` */
export function gradeText({ letter, ignoringTrust }: NonNullable<AuditReport["grade"]>): string {
  return `grade ${letter}${ignoringTrust === undefined ? "" : ` (${ignoringTrust} without trust)`}`;
}

function worst({ findings }: AuditReport): string[] {
  const ids = findings
    .filter(({ severity }) => severity !== "info" && severity !== "low")
    .map(({ id }) => id);
  return ids.length === 0 ? [] : [ids.join(" ")];
}

function datagramText({ datagram }: AuditReport): string[] {
  const versions = [...(datagram?.dtls?.versions ?? []), ...(datagram?.quic?.versions ?? [])];
  return versions.length === 0 ? [] : [`over UDP ${versions.join(" ")}`];
}

/** What a port is that shows no TLS. */
export function plainText(report: AuditReport): string {
  if (report.tls === undefined) return unexaminedText(report);
  if (report.speaks === undefined) return "no TLS";
  return report.speaks === "unknown"
    ? "no TLS (speaks something unknown)"
    : `no TLS (speaks ${report.speaks.toUpperCase()})`;
}

/** That a port could not be examined, and why. */
export function unexaminedText({ errors }: Pick<AuditReport, "errors">): string {
  const reason = errors.find(({ code }) => code !== undefined) ?? errors[0];
  return `could not be examined: ${escaped(reason?.error ?? "no answer")}`;
}
