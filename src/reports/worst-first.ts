import { LETTERS } from "../audit/overall-grade.ts";
import type { AuditReport } from "../audit/report.ts";

/** Reports in the order in which they want attention: by the encryption's letter, then untrusted before trusted; ports without a grade come last. */
export function worstFirst(reports: readonly AuditReport[]): AuditReport[] {
  return reports.toSorted((a, b) => rank(b) - rank(a));
}

function rank({ grade }: AuditReport): number {
  if (grade === undefined) return -1;
  return LETTERS.indexOf(grade.ignoringTrust ?? grade.letter) * 2 + (grade.ignoringTrust === undefined ? 0 : 1);
}
