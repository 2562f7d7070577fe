import { styleText } from "node:util";
import type { Alert } from "../alerts/alert.ts";
import type { AuditReport } from "../audit/report.ts";
import type { LogSettings } from "../config/settings.ts";
import { assertNever } from "../lib/assert-never.ts";
import type { News, PortNews } from "../news/news.ts";
import { SEVERITIES, type Severity } from "../outputs/syslog.ts";
import { auditSummary } from "../reports/audit-summary.ts";
import type { Priority } from "../rules/priority.ts";
import { type Painted, painted, printAside, printJson, printLine } from "./print.ts";

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

/** What a terminal shows of the news, and in which form. */
export interface TerminalOptions {
  /** Audits as JSON lines; false: as a line for people. */
  readonly json: boolean;
  /** Whether audits are shown at all: alerts have standard output for themselves otherwise. */
  readonly audits?: boolean;
  /** Which problems (warning) and notes (info) are shown; all by default. */
  readonly log?: LogSettings;
}

/**
 * What a command shows of the news: audits on standard output, notes and problems on standard error.
 * Alerts are an output's. Others' words are escaped: none reaches the terminal raw.
 */
export class Terminal {
  readonly name = "terminal";
  readonly #options: TerminalOptions;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  take(news: News): void {
    switch (news.kind) {
      case "note":
        return this.note(news.text);
      case "problem":
        return this.problem(news.text);
      case "audit":
        return this.#audit(news.report, news.files);
      case "port-opened":
        return this.#opened(news.port);
      case "alert":
      case "port-closed":
      case "loss":
        return;
      default:
        assertNever(news);
    }
  }

  /** What is not examined has no line of its own otherwise. */
  #opened({ protocol, container, port, address }: PortNews): void {
    if (protocol !== "udp") return;
    this.note(`${container ?? "host"}: port ${port} bound over UDP at ${address}: not examined`);
  }

  note(text: string): void {
    if (!this.#logs("info")) return;
    printAside(`saker: ${text}`);
  }

  problem(text: string): void {
    if (!this.#logs("warning")) return;
    printAside("saker: ", painted("yellow", "warning"), `: ${text}`);
  }

  /** An alert's text line in the colour of its priority, for standard output. */
  readonly paint = ({ priority }: Pick<Alert, "priority">, line: string): string =>
    styleText(PRIORITY_STYLES[priority], line, { stream: process.stdout });

  /** The same, to be printed with others. */
  piece({ priority }: Pick<Alert, "priority">, line: string): Painted {
    return painted(PRIORITY_STYLES[priority], line);
  }

  /** Whether log_stderr and log_level have what is of this severity shown. */
  #logs(severity: Severity): boolean {
    const { log } = this.#options;
    if (log === undefined) return true;
    return log.stderr && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(log.level);
  }

  #audit(report: AuditReport, files: string | undefined): void {
    const { json, audits = true } = this.#options;
    if (!audits) return;
    if (json) return printJson(report);
    printLine(painted("bold", auditSummary(report)), files === undefined ? "" : `  ${files}.txt`);
  }
}
