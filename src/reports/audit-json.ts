import type { AuditReport } from "../audit/report.ts";
import { escaped } from "./escaped.ts";

/** An audit as one line of JSON, for many behind one another; escaped as `auditJson` does it. */
export function auditJsonLine(report: AuditReport): string {
  return `${escaped(JSON.stringify(report))}\n`;
}

/**
 * An audit as JSON for a file, with a newline at its end. What no eye sees is written as `\\u…`,
 * which JSON reads as the same character.
 */
export function auditJson(report: AuditReport): string {
  return `${JSON.stringify(report, null, 2).split("\n").map(escaped).join("\n")}\n`;
}
