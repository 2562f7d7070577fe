import { audit as auditPort } from "../audit/audit.ts";
import type { ConnectErrors } from "../audit/connect-errors.ts";
import type { TrustStore } from "../audit/certificate/trust-store.ts";
import { firstImpression } from "../audit/first-impression.ts";
import type { AuditReport } from "../audit/report.ts";
import { messageOf } from "../lib/errors.ts";
import { AUDIT_COLUMNS, type AuditRow, auditRow } from "../reports/audit-rows.ts";
import { auditSummary, incompleteText } from "../reports/audit-summary.ts";
import { type Demand, shortfall } from "./fail-under.ts";
import type { AuditFormat, AuditOutput } from "./audit-output.ts";
import type { ResolvedTarget } from "./audit-targets.ts";
import type { ConnectionRate } from "./connection-rate.ts";
import type { DoneTargets } from "./done-targets.ts";
import { EXIT, printError } from "./exit.ts";
import { Progress } from "./progress.ts";
import { printTable } from "./table.ts";
import { printLine } from "./print.ts";

/** What a run of examinations prints where; times in milliseconds. */
export interface AuditRunOptions extends Demand {
  readonly format: AuditFormat;
  readonly output: AuditOutput;
  /** Reports go to a file: standard output then gets a line for each target. */
  readonly isToFile: boolean;
  /** The system's when left out. */
  readonly trust?: TrustStore;
  /** Authorities are asked whether certificates are revoked. */
  readonly revocation: boolean;
  readonly sni: string | undefined;
  readonly starttls: string;
  /** What servers have counted of earlier audits. */
  readonly connectErrors: ConnectErrors;
  /** The wall clock's limit for one target; by work done when left out. */
  readonly targetTimeoutMs: number | undefined;
  /** How many targets there are in all. */
  readonly count: number;
  /** There may be more than one: then JSON has a line each. */
  readonly isMany: boolean;
  readonly rate: ConnectionRate;
  /** Where it is kept what was done. */
  readonly done: DoneTargets | undefined;
  /** Aborted: what is under way ends with what it knows, and no further target begins. */
  readonly signal: AbortSignal;
}

const TICK_MS = 100;

/** Targets of a run that ends with a table: nobody reads a longer one, and its rows are in memory. */
const MAX_ROWS = 4096;

/**
 * All targets of one `saker audit`: their reports as they come, what stands at the end, and what
 * the exit code is.
 */
export class AuditRun {
  readonly #options: AuditRunOptions;
  readonly #progress: Progress;
  readonly #ticking: NodeJS.Timeout;
  /** Of a document alone: otherwise only rows are kept. */
  readonly #reports: AuditReport[] = [];
  readonly #rows: AuditRow[] = [];
  readonly #underWay = new Set<string>();
  #done = 0;

  constructor(options: AuditRunOptions) {
    this.#options = options;
    // One target needs no bar: its own time limit says how long it can take.
    this.#progress = new Progress(options.count > 1 ? options.count : 0);
    const { format, output } = options;
    if (format.kind === "stream" && format.head !== undefined && output.isEmpty)
      output.write(format.head);
    this.#ticking = setInterval(() => this.#showProgress(), TICK_MS);
  }

  /** The target, and those of its further addresses that answer otherwise. Never rejects. */
  async examine(target: ResolvedTarget): Promise<void> {
    const { signal, done } = this.#options;
    if (signal.aborted) return;
    await this.#examineOne(target);
    this.#done += 1;
    try {
      for (const other of await this.#differing(target)) await this.#examineOne(other);
      // What was ended in the middle is not done.
      if (!signal.aborted) done?.add(target.label);
    } catch (thrown) {
      this.#fault(`Cannot finish ${target.label}: ${messageOf(thrown)}`);
    }
  }

  /** Further addresses of a name whose first answers are not those of the one that was taken. */
  async #differing(target: ResolvedTarget): Promise<readonly ResolvedTarget[]> {
    if (target.address?.() === undefined) return [];
    const others = (await target.others?.()) ?? [];
    if (others.length === 0) return [];
    const { signal, sni } = this.#options;
    const impressionOf = (one: ResolvedTarget): Promise<string | undefined> =>
      firstImpression({ ...one, ...(sni === undefined ? {} : { serverName: sni }) }, signal);
    const seen = new Set([await impressionOf(target), undefined]);
    const differing: ResolvedTarget[] = [];
    for (const other of others) {
      const impression = await impressionOf(other);
      if (!seen.has(impression)) differing.push(other);
      seen.add(impression);
    }
    return differing;
  }

  async #examineOne(target: ResolvedTarget): Promise<void> {
    const { signal, sni, starttls, trust, revocation, targetTimeoutMs, rate, connectErrors } =
      this.#options;
    if (signal.aborted) return;
    const { label, host, port, container, datagram, identity } = target;
    const connect: typeof target.connect = async (limit) => {
      await rate.turn(limit);
      return target.connect(limit);
    };
    const serverName = sni ?? target.serverName;
    const optional = {
      ...(serverName === undefined ? {} : { serverName }),
      ...(identity === undefined ? {} : { identity }),
      ...(container === undefined ? {} : { container }),
    };
    this.#underWay.add(label);
    try {
      const report = await auditPort(
        {
          label,
          host,
          port,
          connect,
          ...(datagram === undefined ? {} : { datagram }),
          ...optional,
        },
        {
          signal,
          starttls,
          revocation,
          connectErrors,
          ...(targetTimeoutMs === undefined ? {} : { targetTimeoutMs }),
          ...(trust === undefined ? {} : { trust }),
        },
      );
      const address = target.address?.();
      const { listener } = target;
      const more = {
        ...(address === undefined ? {} : { address }),
        ...(listener === undefined ? {} : { listener }),
      };
      this.#take({ ...report, ...more }, target);
    } catch (thrown) {
      this.#fault(`Cannot examine ${label}: ${messageOf(thrown)}`);
    } finally {
      this.#underWay.delete(label);
    }
  }

  /** Prints what stands at the end. */
  end(): void {
    const { format, output, isToFile, count, signal } = this.#options;
    clearInterval(this.#ticking);
    this.#progress.clear();
    if (format.kind === "document") output.write(format.all(this.#reports));
    output.close();
    const hasTable = isToFile || (format.kind === "stream" && format.hasSummary === true);
    if (hasTable && count > 1 && count <= MAX_ROWS)
      printTable(
        AUDIT_COLUMNS,
        this.#rows.toSorted((a, b) => b.rank - a.rank).map(({ cells }) => cells),
      );
    if (signal.aborted) process.exitCode = EXIT.finding;
  }

  #take(report: AuditReport, target: ResolvedTarget): void {
    const { format, output, isToFile, count, isMany, signal, done } = this.#options;
    this.#progress.clear();
    // It is done again by the run that goes on from here.
    if (signal.aborted && done !== undefined) return;
    if (format.kind === "stream")
      output.write(format.each(report, { colour: output.colour, isMany }));
    else this.#reports.push(report);
    if (isToFile) printLine(auditSummary(report));
    if (count > 1 && count <= MAX_ROWS) this.#rows.push(auditRow(report));
    this.#assess(report, target);
  }

  /** A port that could not be examined, or not whole, is a finding of its own. */
  #assess(report: AuditReport, target: ResolvedTarget): void {
    if (report.tls === undefined || incompleteText(report) !== undefined)
      process.exitCode = EXIT.finding;
    const short = shortfall(report, this.#options, target.isFound);
    if (short !== undefined) this.#fault(short.message, short.hint);
  }

  #fault(message: string, hint?: string): void {
    this.#progress.clear();
    printError(message, hint);
    process.exitCode = EXIT.finding;
  }

  #showProgress(): void {
    const [longest = ""] = this.#underWay;
    this.#progress.update(
      this.#done,
      () =>
        `${this.#done} of ${this.#options.count} done, ${this.#underWay.size} under way: ${longest}`,
    );
  }
}
