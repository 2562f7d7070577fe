import { audit as auditPort } from "../audit/audit.ts";
import { AuditQueue } from "../audit/audit-queue.ts";
import type { AuditReport } from "../audit/report.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { auditJson } from "../reports/audit-json.ts";
import { auditNmap } from "../reports/audit-nmap.ts";
import { auditText } from "../reports/audit-text.ts";
import { type ResolvedTarget, resolveTargets } from "./audit-targets.ts";
import { parseDuration } from "./duration.ts";
import { EXIT, printError } from "./exit.ts";

export interface AuditOptions {
  readonly format: string;
  readonly json?: boolean;
  readonly sni?: string;
  readonly timeout: string;
  readonly parallel: string;
}

const FORMATS: Readonly<Record<string, (report: AuditReport) => string>> = { text: auditText, json: (report) => auditJson(report), nmap: auditNmap };

/** `saker audit TARGET…`: each target's report as it comes. Exit code 1 when a target could not be examined at all. */
export async function audit(targets: readonly string[], options: AuditOptions): Promise<void> {
  const format = FORMATS[options.json === true ? "json" : options.format];
  if (format === undefined) throw new AppError("USAGE_FORMAT", `Cannot print as "${options.format}": there is no such format`, { hint: `formats are ${Object.keys(FORMATS).join(", ")}` });
  const parallel = Number(options.parallel);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 256) {
    throw new AppError("USAGE_PARALLEL", `Cannot use --parallel "${options.parallel}": it must be a whole number from 1 to 256`);
  }
  const targetTimeoutMs = parseDuration(options.timeout, "--timeout");
  const resolved = await resolveTargets(targets);
  const queue = new AuditQueue({ capacity: Math.max(resolved.length, 1), parallel });
  for (const target of resolved) queue.push(() => examine(target, { options, format, targetTimeoutMs }));
  await queue.idle();
  for (const target of resolved) target.close();
}

interface Examination {
  readonly options: AuditOptions;
  readonly format: (report: AuditReport) => string;
  readonly targetTimeoutMs: number;
}

async function examine(target: ResolvedTarget, { options, format, targetTimeoutMs }: Examination): Promise<void> {
  const serverName = options.sni ?? target.serverName;
  const { label, host, port, container, connect } = target;
  try {
    const optional = { ...(serverName === undefined ? {} : { serverName }), ...(container === undefined ? {} : { container }) };
    const report = await auditPort({ label, host, port, connect, ...optional }, { targetTimeoutMs });
    process.stdout.write(format(report));
    // Refused or out of reach: nothing was learnt about the port, which is a finding of its own.
    if (!report.tls && report.connections === 0) process.exitCode = EXIT.finding;
  } catch (thrown) {
    printError(`Cannot examine ${label}: ${messageOf(thrown)}`);
    process.exitCode = EXIT.finding;
  }
}
