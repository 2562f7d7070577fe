import type { AuditReport } from "../audit/report.ts";
import { auditHtml } from "../reports/audit-html.ts";
import { auditJson } from "../reports/audit-json.ts";
import { auditNmap } from "../reports/audit-nmap.ts";
import { auditNmapXml } from "../reports/audit-nmap-xml.ts";
import { plainText } from "../reports/audit-summary.ts";
import { auditText } from "../reports/audit-text.ts";
import { worstFirst } from "../reports/worst-first.ts";
import { printTable } from "./table.ts";
import { VERSION } from "./version.ts";

/** How one format is printed: what goes out as soon as a target is done, and what when all are. */
interface Format {
  readonly each?: (report: AuditReport) => string;
  readonly end?: (reports: readonly AuditReport[]) => string;
  readonly hasSummary?: boolean;
}

/** Every value of --format. */
export const AUDIT_FORMATS: Readonly<Record<string, Format>> = {
  text: { each: auditText, hasSummary: true },
  json: { each: auditJson },
  nmap: { each: auditNmap },
  "nmap-xml": { end: (reports) => auditNmapXml(reports, VERSION) },
  html: { end: auditHtml },
};

/** Prints the table that stands at the end of many targets, worst first. */
export function printSummary(reports: readonly AuditReport[]): void {
  const rows = worstFirst(reports).map((report) => [
    report.grade?.letter ?? "-",
    report.grade?.ignoringTrust ?? report.grade?.letter ?? "-",
    report.leastStrength ?? "-",
    report.target,
    report.tls ? Object.keys(report.protocols).toSorted().join(" ") || "TLS, but no suite was accepted" : plainText(report),
    report.findings.filter(({ severity }) => severity !== "info" && severity !== "low").map(({ id }) => id).join(" "),
  ]);
  printTable(["GRADE", "ENCRYPTION", "LEAST", "TARGET", "PROTOCOLS", "FINDINGS"], rows);
}
