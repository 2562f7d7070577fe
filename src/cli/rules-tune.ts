import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { baseRules, type RuleFile, readRuleFiles } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { escaped } from "../reports/escaped.ts";
import { didYouMean } from "../rules/did-you-mean.ts";
import { type LoadResult, loadRules } from "../rules/load-rules.ts";
import { statedFields } from "../rules/stated-fields.ts";
import type { AlertGroup } from "../rules/suggest-exception.ts";
import { type Tuned, tuneRule } from "../rules/tune-rule.ts";
import { TUNING_FIELDS } from "../rules/tuning-fields.ts";
import { overrideFile, type RuleException } from "../rules/write-exceptions.ts";
import { painted, printAside, printJson, printLine } from "./print.ts";
import { printTable } from "./table.ts";
import { gatherAlerts } from "./tuned-alerts.ts";
import { tuningTests } from "./tuning-tests.ts";

/** The options of `saker rules tune`, as they were typed. */
export interface TuneOptions {
  readonly rules: readonly string[];
  readonly field: readonly string[];
  readonly top: string;
  readonly output?: string;
  readonly tests?: string;
  readonly json?: boolean;
}

/**
 * `saker rules tune`: the noisiest rules of alerts or captures, an exception for each, what it would
 * have silenced and what not; with `-o` as an override file. Throws `USAGE_…`, `RULE_LOAD`.
 */
export async function tuneRules(paths: readonly string[], options: TuneOptions): Promise<void> {
  const top = Number(options.top);
  if (!Number.isInteger(top) || top < 1)
    throw new AppError(
      "USAGE_TOP",
      `Cannot use --top "${options.top}": it must be a whole number from 1`,
    );
  const fields = fieldsOf(options.field);
  const files = readRuleFiles(options.rules);
  const { rules } = load(files);
  const enabled = rules.filter((rule) => rule.enabled);
  const { byRule, badLines } = await gatherAlerts(paths, { fields, rules: enabled });
  if (badLines > 0)
    printAside(`${badLines} lines are no alerts in JSON (json_output, or saker watch --json)`);
  const tuned = [...byRule]
    .toSorted(([, left], [, right]) => right.count - left.count)
    .slice(0, top)
    .map(([rule, alerts]) => tuneRule(rule, alerts, STATED));
  const total = [...byRule.values()].reduce((sum, { count }) => sum + count, 0);
  if (options.json === true) for (const one of tuned) printJson(jsonOf(one));
  else printTuned(tuned, total);
  if (options.output === undefined && options.tests === undefined) return;
  const override = overrideOf(tuned, files, options.output ?? "tuned_rules.yaml", paths);
  if (options.output !== undefined) write(options.output, override.text);
  if (options.tests === undefined) return;
  const written = options.output === undefined ? undefined : override;
  write(options.tests, tuningTests(tuned, { files, override: written, path: options.tests }));
}

const STATED = statedFields(FIELDS);

function fieldsOf(asked: readonly string[]): readonly string[] {
  const unknown = asked.find((field) => !TUNING_FIELDS.includes(field));
  if (unknown === undefined) return asked.length > 0 ? asked : TUNING_FIELDS;
  throw new AppError(
    "USAGE_FIELD",
    `Cannot tune by field "${unknown}": no exception is made of it`,
    { hint: didYouMean(unknown, TUNING_FIELDS) ?? `fields are ${TUNING_FIELDS.join(", ")}` },
  );
}

function load(files: readonly RuleFile[]): LoadResult {
  const loaded = loadRules(files, { fields: FIELDS, base: baseRules() });
  const broken = loaded.files.filter(({ errors }) => errors.length > 0).map(({ name }) => name);
  if (broken.length === 0) return loaded;
  throw new AppError("RULE_LOAD", `Cannot load rules from ${broken.join(", ")}`, {
    hint: `saker rules check ${broken.join(" ")} says why`,
  });
}

/**
 * The exceptions as a file, tried on top of the rules. Rules that are not among them are left as
 * they are, and told.
 */
function overrideOf(
  tuned: readonly Tuned[],
  files: readonly RuleFile[],
  path: string,
  from: readonly string[],
): RuleFile {
  const known = new Set(load(files).rules.map(({ name }) => name));
  const exceptions = tuned.flatMap(({ rule, exception }): readonly RuleException[] => {
    if (exception === undefined) return [];
    if (known.has(rule)) return [{ rule, exception, name: nameFor(rule, { exception, files }) }];
    printAside(`rule "${rule}" is not among the loaded rules: name its file with --rules`);
    return [];
  });
  const names = from.map((name) => escaped(name)).join(", ");
  const comment = `Exceptions that saker rules tune suggests from ${names}.\nEach silences every alert of its rule with these values, whoever causes it: read them before use.`;
  return { name: resolve(path), text: overrideFile(exceptions, comment) };
}

/** Exceptions of an earlier tuning stay as they are. */
const MAX_NAMES = 100;

function nameFor(
  rule: string,
  { exception, files }: Pick<RuleException, "exception"> & { readonly files: readonly RuleFile[] },
): string {
  let problem: string | undefined;
  for (let number = 1; number <= MAX_NAMES; number += 1) {
    const name = number === 1 ? "tuned" : `tuned_${number}`;
    const override = { name: "override", text: overrideFile([{ rule, name, exception }], "") };
    const { files: results } = loadRules([...files, override], {
      fields: FIELDS,
      base: baseRules(),
    });
    problem = results.at(-1)?.errors[0]?.message;
    if (problem === undefined) return name;
    if (!problem.includes(`"${name}"`)) break;
  }
  throw new AppError("RULE_LOAD", `Cannot except anything of rule "${rule}": ${problem ?? ""}`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o644 });
  } catch (thrown) {
    throw new AppError("USAGE_WRITE", `Cannot write "${path}": ${messageOf(thrown)}`);
  }
}

/** Alerts of each kind that are shown. */
const SHOWN = 3;

function printTuned(tuned: readonly Tuned[], total: number): void {
  printTable(
    ["RULE", "ALERTS", "SHARE", "SILENCED", "LEFT"],
    tuned.map((one) => {
      const { rule, alerts } = one;
      const silenced = sum(one.silenced);
      const share = `${Math.round((100 * alerts.count) / total)} %`;
      return [rule, String(alerts.count), share, String(silenced), String(alerts.count - silenced)];
    }),
  );
  for (const one of tuned) printOne(one);
}

function printOne(one: Tuned): void {
  const { rule, alerts, exception, left } = one;
  printLine("");
  if (exception === undefined) {
    printLine(painted("bold", escaped(rule)), ": no few values silence much");
    printGroups("the most frequent kinds", left, []);
    return;
  }
  const { fields, rows } = exception;
  printLine(painted("bold", escaped(rule)), `: except by ${fields.join(", ")}`);
  for (const { values, count } of rows)
    printLine(`  ${String(count).padStart(6)}  ${values.map(escaped).join("  ")}`);
  const counted = left.reduce((all, { count }) => all + count, 0) + sum(one.silenced);
  if (left.length === 0) printLine("  nothing is left: the rule would have been silent");
  else printGroups("what it would not have silenced", left, fields);
  if (counted < alerts.count)
    printLine(`  ${alerts.count - counted} more alerts differ in too many ways to be listed`);
}

/** Most fields of a kind that are shown: those of the exception first. */
const SHOWN_FIELDS = 6;

function printGroups(
  title: string,
  groups: readonly AlertGroup[],
  fields: readonly string[],
): void {
  printLine(`  ${title}:`);
  for (const { values, count } of groups.slice(0, SHOWN)) {
    const shown = [...new Set([...fields, ...values.keys()])].slice(0, SHOWN_FIELDS);
    const said = shown.map((field) => `${field}=${escaped(values.get(field) ?? "<NA>")}`);
    printLine(`  ${String(count).padStart(6)}  ${said.join("  ")}`);
  }
  if (groups.length > SHOWN) printLine(`          and ${groups.length - SHOWN} more kinds`);
}

function sum(groups: readonly AlertGroup[]): number {
  return groups.reduce((all, { count }) => all + count, 0);
}

function jsonOf(one: Tuned): object {
  const { rule, alerts, exception } = one;
  const groupsOf = (groups: readonly AlertGroup[]): readonly object[] =>
    groups.map(({ values, count }) => ({ count, values: Object.fromEntries(values) }));
  const silenced = sum(one.silenced);
  return {
    rule,
    alerts: alerts.count,
    silenced,
    exception: exception === undefined ? null : { fields: exception.fields, rows: exception.rows },
    // The most frequent kinds of each.
    wouldSilence: groupsOf(one.silenced.slice(0, MAX_JSON)),
    wouldNotSilence: groupsOf(one.left.slice(0, MAX_JSON)),
  };
}

const MAX_JSON = 100;
