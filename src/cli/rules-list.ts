import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { didYouMean } from "../rules/did-you-mean.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { LoadedCorrelation } from "../rules/compile-correlation.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { isAtLeast, PRIORITIES, priorityByName } from "../rules/priority.ts";
import { compileWildcard } from "../rules/select-rules.ts";
import { EXIT } from "./exit.ts";
import { printTable } from "./table.ts";
import { printAside, printJson } from "./print.ts";

/** The options of `saker rules list`, as they were typed. */
export interface ListOptions {
  readonly json?: boolean;
  readonly name?: string;
  readonly tag: readonly string[];
  readonly priority?: string;
  readonly event?: string;
  readonly enabled?: boolean;
  readonly disabled?: boolean;
}

/**
 * `saker rules list`: what is loaded and passes every filter. Exit code 1 when a file does not
 * load.
 */
export function listRules(paths: readonly string[], options: ListOptions): void {
  const isListed = filterOf(options);
  const listed = loadOrReport(paths).filter(isListed);
  if (options.json === true) {
    for (const rule of listed) {
      const { name, priority, enabled, tags, source, desc, file } = rule;
      const about = { name, kind: kindOf(rule), priority, enabled, tags, source, desc, file };
      printJson({ ...about, events: eventNames(codesOf(rule)) });
    }
    return;
  }
  printTable(
    ["RULE", "PRIORITY", "ENABLED", "KIND", "TAGS"],
    listed.map((rule) => [
      rule.name,
      rule.priority,
      rule.enabled ? "yes" : "no",
      kindOf(rule),
      rule.tags.join(","),
    ]),
  );
}

/** A rule, or a count or sequence of matches of rules. */
export type Listed = LoadedRule | LoadedCorrelation;

/** By the word that it stands under in its file. */
export function kindOf(listed: Listed): "rule" | LoadedCorrelation["kind"] {
  return isCorrelation(listed) ? listed.kind : "rule";
}

/** Whether it is made of matches of rules. */
export function isCorrelation(listed: Listed): listed is LoadedCorrelation {
  return "steps" in listed;
}

/** The events that it, or any of its rules, is asked on. */
export function codesOf(listed: Listed): ReadonlySet<number> {
  if (!isCorrelation(listed)) return listed.eventCodes;
  return new Set(listed.steps.flat().flatMap(({ eventCodes }) => [...eventCodes]));
}

/**
 * The rules, counts and sequences of files and folders; what does not load is told on standard error, and sets exit code
 * 1.
 */
export function loadOrReport(paths: readonly string[]): readonly Listed[] {
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields: FIELDS, base: baseRules() });
  for (const [index, file] of result.files.entries()) {
    for (const error of file.errors) printAside(formatDiagnostic(error, files[index]?.text ?? ""));
    if (file.errors.length > 0) process.exitCode = EXIT.finding;
  }
  return [...result.rules, ...result.correlations];
}

/** One rule, count or sequence by its name. Throws `USAGE_RULE` with the name that was meant. */
export function ruleNamed(name: string, rules: readonly Listed[]): Listed {
  const rule =
    rules.find((candidate) => candidate.name === name) ??
    rules.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (rule !== undefined) return rule;
  const hint =
    didYouMean(
      name,
      rules.map((candidate) => candidate.name),
    ) ?? "saker rules list names them all";
  throw new AppError("USAGE_RULE", `Cannot find rule "${name}": no loaded rule has that name`, {
    hint,
  });
}

/** The names of events, each once; `all` where a rule is asked on every one. */
export function eventNames(codes: ReadonlySet<number>): readonly string[] {
  const known = EVENT_TYPES.filter((type) => type !== undefined);
  return known.every((type) => codes.has(type.code))
    ? ["all"]
    : [...new Set(known.filter((type) => codes.has(type.code)).map((type) => type.name))];
}

function filterOf(options: ListOptions): (rule: Listed) => boolean {
  const { tag, event, enabled, disabled } = options;
  const isNamed =
    options.name === undefined ? () => true : compileWildcard(options.name.toLowerCase());
  const priority = options.priority === undefined ? "Debug" : priorityByName(options.priority);
  if (priority === undefined)
    throw new AppError(
      "USAGE_PRIORITY",
      `Cannot list rules of priority "${options.priority ?? ""}": there is no such priority`,
      { hint: `priorities are ${PRIORITIES.join(", ")}` },
    );
  return (rule) =>
    isNamed(rule.name.toLowerCase()) &&
    isAtLeast(rule.priority, priority) &&
    tag.every((wanted) => rule.tags.includes(wanted)) &&
    (event === undefined ||
      eventNames(codesOf(rule)).some((name) => name === event || name === "all")) &&
    (enabled !== true || rule.enabled) &&
    (disabled !== true || !rule.enabled);
}
