import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Alert } from "../alerts/alert.ts";
import { jsonLine, textLine } from "../alerts/format.ts";
import { makeAlert } from "../alerts/make-alert.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { Replay } from "../engine/replay.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { type Diagnostic, formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { Priority } from "../rules/priority.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { type CompiledRules, compiledRulesOf, ruleSetOf } from "./_compiled-rules.ts";
import { localOffsetMinutes } from "./_local-time.ts";

/**
 * The package's door `saker/rules`: Falco's rules read, checked, compiled and run over captures.
 * Nothing here needs a privilege.
 */
export type { Alert, CompiledRules, Diagnostic, Priority };

/** The errors of all doors: `code` says whose fault it is, `hint` what to do. */
export { AppError as SakerError };

/** A rules file, read; `name` is what problems call it. */
export interface RulesFile {
  readonly name: string;
  readonly text: string;
}

/** What a file of rules came to. */
export interface CheckedFile {
  readonly name: string;
  /** None: it loads. */
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/**
 * Reads rules files and folders of them, in this order; without paths the rules that Saker ships.
 * Throws `CONFIG_RULES` when one is not there.
 */
export function readRules(paths: readonly string[] = []): readonly RulesFile[] {
  return readRuleFiles(paths);
}

/**
 * Every error and warning of every file, each with its place and Falco's code. Each file lies on
 * top of those before it. Never throws for what stands in them.
 */
export function checkRules(files: readonly RulesFile[]): readonly CheckedFile[] {
  return loadRules(files, { fields: FIELDS, base: baseRules(), warnsOfBase: true }).files;
}

/** An error or warning as `saker rules check` prints it: place, line, caret and hint. */
export function diagnosticText(diagnostic: Diagnostic, files: readonly RulesFile[]): string {
  const source = files.find(({ name }) => name === diagnostic.place?.source);
  return formatDiagnostic(diagnostic, source?.text ?? "");
}

/** How rules are matched, and from which priority on they are kept. */
export interface CompileRulesOptions {
  /** Whether the first rule that matches an event is the only one, as in Falco; the default. */
  readonly matching?: "first" | "all";
  /** Rules that are less urgent are left out; default `Debug`, so none. */
  readonly minimumPriority?: Priority;
}

/**
 * The rules of these files that are switched on, ready to run. Throws `RULE_LOAD` when a file does
 * not load; `checkRules` has all errors.
 */
export function compileRules(
  files: readonly RulesFile[],
  { matching = "first", minimumPriority = "Debug" }: CompileRulesOptions = {},
): CompiledRules {
  const loaded = loadRules(files, { fields: FIELDS, base: baseRules(), minimumPriority });
  const errors = loaded.files.flatMap((file) => file.errors);
  const [first] = errors;
  if (first !== undefined)
    throw new AppError("RULE_LOAD", `Cannot compile rules: ${errors.length} errors in them`, {
      hint: diagnosticText(first, files),
      at: first.place,
    });
  const enabled = loaded.rules.filter((rule) => rule.enabled);
  const correlations = loaded.correlations.filter((one) => one.enabled);
  return compiledRulesOf(compileRuleSet(enabled, { matching, correlations }));
}

/** Which rules meet the capture, and who gets its alerts. */
export interface ReplayCaptureOptions {
  readonly rules: CompiledRules;
  /** Called with each alert, in the order of the events; what it throws is what comes out. */
  readonly onAlert: (alert: Alert) => void;
  readonly signal?: AbortSignal;
}

/** What a replay came to; `truncated` says why the capture was not whole. */
export interface ReplayedCapture {
  /** Events that the rules were asked about. */
  readonly events: number;
  /** What is missing of a capture that ends too early; undefined for a whole one. */
  readonly truncated: string | undefined;
}

/**
 * Runs rules over a capture file (`.scap` of Falco, sysdig or Saker, plain or gzip). Rejects with
 * `USAGE_FILE` or `INPUT_CAPTURE` for what is none.
 */
export async function replayCapture(
  path: string,
  { rules, onAlert, signal }: ReplayCaptureOptions,
): Promise<ReplayedCapture> {
  const failure = new AbortController();
  const run = new Replay({
    rules: ruleSetOf(rules),
    hostname: hostname(),
    utcOffsetMinutes: localOffsetMinutes,
    onMatch: (rule, scene) => {
      if (failure.signal.aborted) return;
      try {
        onAlert(makeAlert(rule, scene, randomUUID()));
      } catch (thrown) {
        failure.abort(thrown);
      }
    },
  });
  const signals = [failure.signal, ...(signal === undefined ? [] : [signal])];
  const { truncated } = await readCapture(path, run, { signal: AbortSignal.any(signals) });
  failure.signal.throwIfAborted();
  return { events: run.shown, truncated };
}

/** An alert as Falco's text line in local time, without the line's end. */
export function alertText(alert: Alert): string {
  return textLine(alert, { isoTime: false, utcOffsetMinutes: localOffsetMinutes });
}

/** An alert as Falco's JSON line, without the line's end. */
export function alertJson(alert: Alert): string {
  return jsonLine(alert, { isoTime: false, utcOffsetMinutes: localOffsetMinutes });
}
