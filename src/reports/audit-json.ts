import type { AuditReport } from "../audit/report.ts";

/** An audit as JSON for a file, with a newline at its end. */
export function auditJson(report: AuditReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
