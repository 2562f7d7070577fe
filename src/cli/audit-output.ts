import { closeSync, fstatSync, writeSync } from "node:fs";
import type { AuditReport } from "../audit/report.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { auditHtml } from "../reports/audit-html.ts";
import { AUDIT_CSV_HEAD, auditCsv } from "../reports/audit-csv.ts";
import { auditJson, auditJsonLine } from "../reports/audit-json.ts";
import { auditNmap } from "../reports/audit-nmap.ts";
import { auditNmapXml } from "../reports/audit-nmap-xml.ts";
import { auditText } from "../reports/audit-text.ts";
import { openToWrite } from "../untrusted/open-to-write.ts";
import { VERSION } from "./version.ts";

/**
 * How one format is printed: each target as soon as it is done, or all as one document when all
 * are.
 */
export type AuditFormat =
  | {
      readonly kind: "stream";
      readonly each: (report: AuditReport, options: StreamOptions) => string;
      readonly hasSummary?: true;
      /** What stands before the first of them. */
      readonly head?: string;
    }
  | { readonly kind: "document"; readonly all: (reports: readonly AuditReport[]) => string };

interface StreamOptions {
  readonly colour: boolean;
  /** Others may stand behind it. */
  readonly isMany: boolean;
}

/** Every value of --format. */
export const AUDIT_FORMATS: Readonly<Record<string, AuditFormat>> = {
  text: { kind: "stream", each: auditText, hasSummary: true },
  json: {
    kind: "stream",
    each: (report, { isMany }) => (isMany ? auditJsonLine(report) : auditJson(report)),
  },
  jsonl: { kind: "stream", each: (report) => auditJsonLine(report) },
  csv: { kind: "stream", each: (report) => auditCsv(report), head: AUDIT_CSV_HEAD },
  nmap: { kind: "stream", each: (report) => auditNmap(report) },
  "nmap-xml": { kind: "document", all: (reports) => auditNmapXml(reports, VERSION) },
  html: { kind: "document", all: auditHtml },
};

/** The most targets of one document: all their reports are in memory at once. */
export const MAX_IN_DOCUMENT = 4096;

/** Where reports go. */
export interface AuditOutput {
  /** Whether what is written is seen in colours. */
  readonly colour: boolean;
  /** Nothing stands in it yet. */
  readonly isEmpty: boolean;
  write(text: string): void;
  close(): void;
}

/**
 * Standard output, or a file that is made anew, or goes on where `appends`. Throws `USAGE_OUTPUT`
 * when it cannot be made.
 */
export function auditOutput(path: string | undefined, appends: boolean): AuditOutput {
  if (path === undefined)
    return {
      isEmpty: true,
      colour: process.stdout.isTTY && process.stdout.hasColors(),
      write: (text) => void process.stdout.write(text),
      close: () => {},
    };
  try {
    const file = openToWrite(path, { appends });
    const isEmpty = fstatSync(file).size === 0;
    return {
      colour: false,
      isEmpty,
      write: (text) => writeWhole(file, text),
      close: () => closeSync(file),
    };
  } catch (thrown) {
    throw new AppError("USAGE_OUTPUT", `Cannot write "${path}": ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}
