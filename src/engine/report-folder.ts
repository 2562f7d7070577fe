import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditReport } from "../audit/report.ts";
import { auditJson } from "../reports/audit-json.ts";
import { auditText } from "../reports/audit-text.ts";

/**
 * Where `saker watch` writes: `falco_report.txt`, `openport.txt`, and a pair of files for each
 * audit below `tls/`.
 */
export class ReportFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get alertsFile(): string {
    return join(this.path, "falco_report.txt");
  }

  get openPortFile(): string {
    return join(this.path, "openport.txt");
  }

  /**
   * Writes `tls/NAME_PORT.txt` and `.json`, each whole or not at all; returns the path without its
   * ending.
   */
  writeAudit(name: string, report: AuditReport): string {
    const folder = join(this.path, "tls");
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const stem = auditStem(this.path, name, report.port);
    writeWhole(`${stem}.txt`, auditText(report));
    writeWhole(`${stem}.json`, auditJson(report));
    return stem;
  }
}

/**
 * The path of an audit's files without their ending. A container's name is its own choice, so what
 * is no file name is replaced.
 */
export function auditStem(reportFolder: string, name: string, port: number): string {
  const safe = name
    .replace(/[^A-Za-z0-9_.-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 128);
  return join(reportFolder, "tls", `${safe}_${port}`);
}

function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(partial, text, { mode: 0o640 });
    renameSync(partial, path);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw thrown;
  }
}
