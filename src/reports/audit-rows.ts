import { letterRank } from "../audit/overall-grade.ts";
import type { AuditReport } from "../audit/report.ts";
import { incompleteText, plainText } from "./audit-summary.ts";
import { escaped } from "./escaped.ts";

/**
 * What the table at the end of many targets says of one: small enough to keep for each of
 * thousands.
 */
export interface AuditRow {
  readonly cells: readonly string[];
  /** Higher is worse. */
  readonly rank: number;
}

/** The table's head. */
export const AUDIT_COLUMNS: readonly string[] = [
  "GRADE",
  "ENCRYPTION",
  "LEAST",
  "TARGET",
  "PROTOCOLS",
  "FINDINGS",
];

/** A report's line in the table. */
export function auditRow(report: AuditReport): AuditRow {
  const { grade, target, protocols, tls, findings, leastStrength = "-" } = report;
  const spoken =
    tls === true
      ? `${Object.keys(protocols).toSorted().join(" ") || "TLS, but no suite was accepted"}${incompleteText(report) === undefined ? "" : " (incomplete)"}`
      : plainText(report);
  const severe = findings
    .filter(({ severity }) => severity !== "info" && severity !== "low")
    .map(({ id }) => id);
  return {
    cells: [
      grade?.letter ?? "-",
      grade?.ignoringTrust ?? grade?.letter ?? "-",
      leastStrength,
      escaped(target),
      spoken,
      severe.join(" "),
    ],
    rank: attentionRank(report),
  };
}

/**
 * The order in which reports want attention, the highest first: by the encryption's letter,
 * untrusted before trusted; then what could not be examined, then ports without TLS.
 */
export function attentionRank({ grade, tls }: AuditReport): number {
  if (grade === undefined) return tls === false ? -2 : -1;
  return (
    letterRank(grade.ignoringTrust ?? grade.letter) * 2 +
    (grade.ignoringTrust === undefined ? 0 : 1)
  );
}
