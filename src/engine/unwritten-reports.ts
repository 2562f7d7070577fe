import type { AuditReport } from "../audit/report.ts";
import { messageOf } from "../lib/errors.ts";
import { RepeatedReports } from "../lib/repeated-reports.ts";
import type { ReportFolder, ReportSubject, WrittenReport } from "../outputs/report-folder.ts";

/** Where reports go, and who hears that they cannot. */
export interface UnwrittenReportsOptions {
  readonly folder: Pick<ReportFolder, "writeAudit">;
  readonly onProblem: (text: string) => void;
  /** How often it is tried again, in milliseconds; default 10 s. */
  readonly retryMs?: number;
}

interface Finished {
  readonly subject: ReportSubject;
  readonly report: AuditReport;
}

/**
 * Writes the reports of finished audits, and keeps those that a full disk or a folder does not take
 * until it does: an examination cannot be had again when its port has closed.
 */
export class UnwrittenReports {
  readonly #options: UnwrittenReportsOptions;
  readonly #problems: RepeatedReports;
  /** The last of each opening, by its key, in the order in which they were finished. */
  readonly #waiting = new Map<string, Finished>();
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UnwrittenReportsOptions) {
    this.#options = options;
    this.#problems = new RepeatedReports(options.onProblem);
  }

  /** Reports that are nowhere: too many waited, or the end came first. */
  get lost(): number {
    return this.#lost;
  }

  /** Undefined when it waits. */
  write(subject: ReportSubject, report: AuditReport): WrittenReport | undefined {
    // What waits of the same opening is older.
    this.#waiting.delete(subject.key);
    try {
      return this.#options.folder.writeAudit(subject, report);
    } catch (thrown) {
      const text = `Cannot write the report of ${report.target}: ${messageOf(thrown)}; it is kept and tried again`;
      this.#problems.report("write", text);
      this.#keep({ subject, report });
      return undefined;
    }
  }

  /** Tries a last time. */
  close(): void {
    clearTimeout(this.#timer);
    this.#writeWaiting();
    clearTimeout(this.#timer);
    this.#lost += this.#waiting.size;
    this.#waiting.clear();
  }

  #keep(finished: Finished): void {
    const [oldest] = this.#waiting.size < WAITING_MAX ? [] : this.#waiting.keys();
    if (oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#lost += 1;
    }
    this.#waiting.set(finished.subject.key, finished);
    this.#tryLater();
  }

  #tryLater(): void {
    clearTimeout(this.#timer);
    const { retryMs = RETRY_MS } = this.#options;
    this.#timer = setTimeout(() => this.#writeWaiting(), retryMs).unref();
  }

  /** In their order, up to the first that cannot be written. */
  #writeWaiting(): void {
    for (const [key, { subject, report }] of this.#waiting) {
      try {
        this.#options.folder.writeAudit(subject, report);
      } catch {
        this.#tryLater();
        return;
      }
      this.#waiting.delete(key);
    }
  }
}

/** Some 50 kB each. */
const WAITING_MAX = 256;
const RETRY_MS = 10_000;
