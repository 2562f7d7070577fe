import { styleText } from "node:util";
import type { Alert } from "../alerts/alert.ts";
import { type FormatOptions, jsonLine } from "../alerts/format.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditSummary } from "../reports/audit-summary.ts";
import type { Priority } from "../rules/priority.ts";

type Style = Parameters<typeof styleText>[0];

const PRIORITY_STYLES: Readonly<Record<Priority, Style>> = {
  Emergency: ["bold", "red"],
  Alert: ["bold", "red"],
  Critical: ["bold", "red"],
  Error: "red",
  Warning: "yellow",
  Notice: "cyan",
  Informational: "blue",
  Debug: "dim",
};

/** What a watch shows: data on standard output, notes on standard error. */
export class Terminal {
  readonly #json: boolean;

  constructor({ json }: { readonly json: boolean }) {
    this.#json = json;
  }

  note(text: string): void {
    process.stderr.write(`saker: ${text}\n`);
  }

  problem(text: string): void {
    process.stderr.write(
      `saker: ${styleText("yellow", "warning", { stream: process.stderr })}: ${text}\n`,
    );
  }

  /**
   * `line` is the alert's text line; an escaped one, so that no file name reaches the terminal raw.
   */
  alert(alert: Alert, line: string, format: FormatOptions): void {
    process.stdout.write(
      `${this.#json ? jsonLine(alert, format) : styleText(PRIORITY_STYLES[alert.priority], line, { stream: process.stdout })}\n`,
    );
  }

  /** `stem`: the path of the report's files without ending. */
  audit(report: AuditReport, stem: string): void {
    process.stdout.write(
      this.#json
        ? `${JSON.stringify(report)}\n`
        : `${styleText("bold", auditSummary(report), { stream: process.stdout })}  ${stem}.txt\n`,
    );
  }
}
