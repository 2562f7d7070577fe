import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { falcoLoadResults } from "../rules/load-result.ts";
import { type LoadResult, loadRules } from "../rules/load-rules.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { printCondition } from "../rules/print-condition.ts";
import type { FalcoConfig } from "./falco-answers.ts";
import type { FalcoCommandOptions } from "./falco-options.ts";
import { EXIT } from "./exit.ts";
import { fieldsFor } from "./appended-output.ts";
import { printAside, printJson, printLine } from "./print.ts";
import { eventNames, loadOrReport, ruleNamed, isCorrelation, type Listed } from "./rules-list.ts";
import { printTable } from "./table.ts";

/**
 * `saker falco -V`: of each file whether it is valid, in Falco's words or its JSON; exit code 1 when
 * one is not. With `-L` or `-l` its rules, too.
 */
export function validateRules(options: FalcoCommandOptions, { loaded }: FalcoConfig): void {
  const files = readRuleFiles(options.validate);
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  const result = loadRules(files, { fields: FIELDS, base: baseRules() });
  const isValid = result.files.every(({ errors }) => errors.length === 0);
  if (!isValid) process.exitCode = EXIT.finding;
  const described = isValid ? describedIn(result.rules, options) : undefined;
  if (loaded.settings.jsonOutput)
    return printJson({
      ...falcoLoadResults(result.files, texts),
      ...(described === undefined ? {} : { falco_describe_results: described }),
    });
  printAside(`Validating rules file(s): ${files.map(({ name }) => name).join(", ")}`);
  printSummary(result, texts);
  if (described !== undefined) printDescriptions(described);
}

function printSummary({ files }: LoadResult, texts: ReadonlyMap<string, string>): void {
  for (const { name, errors, warnings } of files) {
    const text = texts.get(name) ?? "";
    if (errors.length > 0) printLine(`${name}: Invalid`);
    else printLine(`${name}: Ok${warnings.length > 0 ? ", with warnings" : ""}`);
    for (const error of errors) printLine(formatDiagnostic(error, text));
    for (const warning of warnings) printAside(formatDiagnostic(warning, text));
  }
}

/** `saker falco -L`, `-l RULE`: name and description; with json_output Falco's JSON. */
export function describeRules(options: FalcoCommandOptions, { loaded, rules }: FalcoConfig): void {
  fieldsFor(loaded.settings);
  const described = describedIn(loadOrReport(rules), options);
  if (described === undefined) return;
  if (loaded.settings.jsonOutput) printJson(described);
  else printDescriptions(described);
}

interface Described {
  readonly rules: readonly ReturnType<typeof describe>[];
}

/** Undefined when nobody asks. Throws `USAGE_RULE` where the rule that is asked for is not there. */
function describedIn(
  listed: readonly Listed[],
  { L, l }: Pick<FalcoCommandOptions, "L" | "l">,
): Described | undefined {
  if (L !== true && l === undefined) return undefined;
  const rules = l === undefined ? listed : [ruleNamed(l, listed)];
  return { rules: rules.flatMap((rule) => (isCorrelation(rule) ? [] : [describe(rule)])) };
}

/** In the members of Falco's description of a rule. */
function describe(rule: LoadedRule) {
  const { name, conditionText, desc, enabled, outputText, priority, source, tags } = rule;
  return {
    info: {
      name,
      condition: conditionText,
      description: desc,
      enabled,
      output: outputText,
      priority,
      source,
      tags,
    },
    details: {
      condition_compiled: printCondition(rule.expression),
      condition_fields: namesOf(rule.conditionFields),
      events: eventNames(rule.eventCodes),
      output_fields: namesOf(rule.output.fields),
    },
  };
}

function namesOf(fields: Iterable<{ readonly name: string }>): readonly string[] {
  return [...new Set([...fields].map(({ name }) => name))].toSorted();
}

function printDescriptions({ rules }: Described): void {
  printTable(
    ["Rule", "Description"],
    rules.map(({ info }) => [info.name, info.description.trim().replaceAll(/\s+/g, " ")]),
  );
}
