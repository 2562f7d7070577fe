import { audit as auditPort } from "../audit/audit.ts";
import { AuditQueue } from "../audit/audit-queue.ts";
import { systemTrust, trustFrom, type TrustStore } from "../audit/certificate/trust-store.ts";
import { LETTERS } from "../audit/overall-grade.ts";
import { checkStarttls } from "../audit/reach-tls.ts";
import type { AuditReport } from "../audit/report.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { AUDIT_FORMATS, printSummary } from "./audit-output.ts";
import { expandTargets, type ResolvedTarget, resolveTargets } from "./audit-targets.ts";
import { parseDuration } from "./duration.ts";
import { EXIT, printError } from "./exit.ts";
import { Progress } from "./progress.ts";
import { stopSignal } from "./stop.ts";

export interface AuditCommandOptions {
  readonly format: string;
  readonly json?: boolean;
  readonly sni?: string;
  readonly starttls: string;
  readonly caFile?: string;
  readonly failUnder?: string;
  readonly ignoreTrust?: boolean;
  readonly timeout: string;
  readonly parallel: string;
}

/** `saker audit TARGET…`: each target's report as it comes. Exit code 1 when a target could not be examined at all, or is worse than --fail-under. */
export async function audit(texts: readonly string[], options: AuditCommandOptions): Promise<void> {
  const settings = await settingsOf(options);
  const targets = await resolveTargets(await expandTargets(texts), fault);
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const run = new AuditRun(settings, targets.length, stop.signal);
  const queue = new AuditQueue({ capacity: Math.max(targets.length, 1), parallel: settings.parallel });
  for (const target of targets) queue.push(() => run.examine(target).finally(() => target.close()));
  await queue.idle();
  run.end();
}

interface Settings {
  readonly format: (typeof AUDIT_FORMATS)[string];
  readonly sni: string | undefined;
  readonly starttls: string | undefined;
  readonly trust: TrustStore;
  readonly failUnder: string | undefined;
  readonly ignoreTrust: boolean;
  readonly targetTimeoutMs: number;
  readonly parallel: number;
}

async function settingsOf(options: AuditCommandOptions): Promise<Settings> {
  const format = AUDIT_FORMATS[options.json === true ? "json" : options.format];
  if (format === undefined) throw new AppError("USAGE_FORMAT", `Cannot print as "${options.format}": there is no such format`, { hint: `formats are ${Object.keys(AUDIT_FORMATS).join(", ")}` });
  const parallel = Number(options.parallel);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 256) {
    throw new AppError("USAGE_PARALLEL", `Cannot use --parallel "${options.parallel}": it must be a whole number from 1 to 256`);
  }
  const failUnder = options.failUnder?.toUpperCase();
  if (failUnder !== undefined && !LIMITS.includes(failUnder)) throw new AppError("USAGE_GRADE", `Cannot use --fail-under "${options.failUnder}": there is no such grade`, { hint: `grades are ${LIMITS.join(", ")}` });
  return {
    format,
    sni: options.sni,
    starttls: options.starttls === "auto" ? undefined : checkStarttls(options.starttls),
    trust: options.caFile === undefined ? await systemTrust() : await trustFrom(options.caFile),
    failUnder,
    ignoreTrust: options.ignoreTrust === true,
    targetTimeoutMs: parseDuration(options.timeout, "--timeout"),
    parallel,
  };
}

/** Letters that can be asked for: T and M are no degrees of strength. */
const LIMITS = LETTERS.filter((letter) => letter !== "T" && letter !== "M");

/** All targets of one command. */
class AuditRun {
  readonly #settings: Settings;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #count: number;
  readonly #reports: AuditReport[] = [];

  constructor(settings: Settings, count: number, signal: AbortSignal) {
    this.#settings = settings;
    this.#count = count;
    this.#signal = signal;
    // One target needs no bar: its own time limit says how long it can take.
    this.#progress = new Progress(count > 1 ? count : 0);
  }

  /** Never rejects. After Ctrl-C the targets that have not begun are left out. */
  async examine(target: ResolvedTarget): Promise<void> {
    if (this.#signal.aborted) return;
    const { sni, starttls, trust, targetTimeoutMs, format } = this.#settings;
    const { label, host, port, container, connect } = target;
    const serverName = sni ?? target.serverName;
    const optional = { ...(serverName === undefined ? {} : { serverName }), ...(container === undefined ? {} : { container }) };
    try {
      const report = await auditPort({ label, host, port, connect, ...optional }, { targetTimeoutMs, starttls, trust, signal: this.#signal });
      this.#reports.push(report);
      this.#judge(report);
      this.#progress.clear();
      if (format.each !== undefined) process.stdout.write(format.each(report));
    } catch (thrown) {
      this.#progress.clear();
      fault(`Cannot examine ${label}: ${messageOf(thrown)}`);
    }
    this.#progress.update(this.#reports.length, () => `${this.#reports.length} of ${this.#count}, last ${label}`);
  }

  end(): void {
    this.#progress.clear();
    const { format } = this.#settings;
    if (format.end !== undefined) process.stdout.write(format.end(this.#reports));
    if (format.hasSummary === true && this.#count > 1) printSummary(this.#reports);
    if (this.#signal.aborted) process.exitCode = EXIT.finding;
  }

  /** A port that could not be reached is a finding of its own; so is one that is worse than what was asked for, and one without TLS is worse than all. */
  #judge({ tls, connections, grade, target }: AuditReport): void {
    const { failUnder, ignoreTrust } = this.#settings;
    if (!tls && connections === 0) process.exitCode = EXIT.finding;
    if (failUnder === undefined) return;
    const letter = (ignoreTrust ? grade?.ignoringTrust : undefined) ?? grade?.letter;
    if (letter !== undefined && LETTERS.indexOf(letter) <= LETTERS.indexOf(failUnder)) return;
    this.#progress.clear();
    const hint = (letter === "T" || letter === "M") && !ignoreTrust ? "--ca-file names the authorities that count, --ignore-trust takes the letter without trust and names" : undefined;
    fault(`${target} has ${letter === undefined ? "no TLS that could be graded" : `grade ${letter}`}, which is under ${failUnder}`, hint);
  }
}

function fault(message: string, hint?: string): void {
  printError(message, hint);
  process.exitCode = EXIT.finding;
}
