import { AuditQueue } from "../audit/audit-queue.ts";
import { trustFrom } from "../audit/certificate/trust-store.ts";
import { GRADE_LIMITS } from "../audit/overall-grade.ts";
import { checkStarttls } from "../audit/reach-tls.ts";
import { AppError } from "../lib/errors.ts";
import { auditSchema } from "../reports/audit-schema.ts";
import { AUDIT_FORMATS, type AuditFormat, auditOutput, MAX_IN_DOCUMENT } from "./audit-output.ts";
import { AuditRun } from "./audit-run.ts";
import { expandTargets } from "./audit-target-list.ts";
import { resolveTargets } from "./audit-targets.ts";
import { ConnectionRate } from "./connection-rate.ts";
import { keptConnectErrors } from "./connect-error-file.ts";
import { DoneTargets } from "./done-targets.ts";
import { parseDuration } from "./duration.ts";
import { EXIT, printError } from "./exit.ts";
import { wireName } from "./named-host.ts";
import { stopSignal } from "./stop.ts";
import { printJson } from "./print.ts";

/** The options of `saker audit`, as they were typed. */
export interface AuditCommandOptions {
  readonly format: string;
  readonly json?: boolean;
  readonly output?: string;
  readonly sni?: string;
  readonly starttls: string;
  readonly caFile?: string;
  readonly revocation?: boolean;
  readonly failUnder?: string;
  readonly ignoreTrust?: boolean;
  readonly timeout?: string;
  readonly parallel: string;
  readonly schema?: boolean;
  readonly rate?: string;
  readonly resume?: string;
}

/**
 * `saker audit TARGET…`: each target's report as it comes. Exit code 1 when a target could not be
 * examined at all, or is worse than --fail-under.
 */
export async function audit(words: readonly string[], options: AuditCommandOptions): Promise<void> {
  if (options.schema === true) return printJson(auditSchema(), 2);
  if (words.length === 0)
    throw new AppError("USAGE_TARGET", "Cannot examine anything: no target is given", {
      hint: "saker audit host:port, or listening for all of this host",
    });
  const format = formatOf(options);
  const parallel = parallelOf(options.parallel);
  const failUnder = limitOf(options.failUnder);
  const targetTimeoutMs =
    options.timeout === undefined ? undefined : parseDuration(options.timeout, "--timeout");
  const trust = options.caFile === undefined ? undefined : await trustFrom(options.caFile);
  const done = options.resume === undefined ? undefined : new DoneTargets(options.resume);
  if (done !== undefined && format.kind === "document")
    throw new AppError("USAGE_RESUME", "Cannot resume a document of all targets", {
      hint: "take --format json or csv",
    });
  const rate = rateOf(options.rate);
  const resolved = await resolveTargets(await expandTargets(words), (message) => {
    printError(message);
    process.exitCode = EXIT.finding;
  });
  const targets = resolved.filter(({ label, close }) => {
    const isLeft = done?.has(label) !== true;
    if (!isLeft) close();
    return isLeft;
  });
  if (format.kind === "document" && targets.length > MAX_IN_DOCUMENT) {
    throw new AppError(
      "USAGE_TARGET",
      `Cannot put ${targets.length} targets into one document: the limit is ${MAX_IN_DOCUMENT}`,
      { hint: "take --format json, or split the list" },
    );
  }
  const output = auditOutput(options.output, done !== undefined && done.count > 0);
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const run = new AuditRun({
    format,
    output,
    connectErrors: keptConnectErrors(),
    targetTimeoutMs,
    failUnder,
    ...(trust === undefined ? {} : { trust }),
    revocation: options.revocation === true,
    sni: options.sni === undefined ? undefined : wireName(options.sni),
    starttls: options.starttls === "auto" ? "auto" : checkStarttls(options.starttls),
    isToFile: options.output !== undefined,
    ignoreTrust: options.ignoreTrust === true,
    count: targets.length,
    isMany: resolved.length > 1 || words.some((word) => word === "-" || word.startsWith("@")),
    rate,
    done,
    signal: stop.signal,
  });
  const queue = new AuditQueue({ capacity: Math.max(targets.length, 1), parallel });
  for (const target of targets) queue.push(() => run.examine(target).finally(() => target.close()));
  await queue.idle();
  run.end();
}

function formatOf(options: AuditCommandOptions): AuditFormat {
  const format = AUDIT_FORMATS[options.json === true ? "json" : options.format];
  if (format !== undefined) return format;
  throw new AppError(
    "USAGE_FORMAT",
    `Cannot print as "${options.format}": there is no such format`,
    { hint: `formats are ${Object.keys(AUDIT_FORMATS).join(", ")}` },
  );
}

function parallelOf(text: string): number {
  const parallel = Number(text);
  if (Number.isInteger(parallel) && parallel >= 1 && parallel <= 256) return parallel;
  throw new AppError(
    "USAGE_PARALLEL",
    `Cannot use --parallel "${text}": it must be a whole number from 1 to 256`,
  );
}

function rateOf(text: string | undefined): ConnectionRate {
  const rate = text === undefined ? Number.POSITIVE_INFINITY : Number(text);
  if (rate > 0) return new ConnectionRate(rate);
  throw new AppError(
    "USAGE_RATE",
    `Cannot use --rate "${text}": it must be a number of connections a second, above 0`,
  );
}

function limitOf(text: string | undefined): string | undefined {
  const letter = text?.toUpperCase();
  if (letter === undefined || GRADE_LIMITS.includes(letter)) return letter;
  throw new AppError("USAGE_GRADE", `Cannot use --fail-under "${text}": there is no such grade`, {
    hint: `grades are ${GRADE_LIMITS.join(", ")}`,
  });
}
