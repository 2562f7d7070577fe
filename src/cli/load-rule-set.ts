import { resolve } from "node:path";
import type { Settings } from "../config/settings.ts";
import { baseRules, type RuleFile, readRuleFiles, SHIPPED_RULES } from "../config/rule-files.ts";
import { AppError } from "../lib/errors.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { type LoadOptions, loadRules } from "../rules/load-rules.ts";
import type { LoadedCorrelation } from "../rules/compile-correlation.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import { selectRules } from "../rules/select-rules.ts";
import { fieldsFor } from "./appended-output.ts";
import { shadowingNotes } from "./shadowing-notes.ts";
import { printAside } from "./print.ts";

/** What rules are loaded with: settings, and rules that are switched on by name. */
export interface LoadRuleSetOptions {
  readonly settings: Settings;
  /** Names of rules that are switched on although their file has them off. */
  readonly enable: readonly string[];
  /** The events that are seen: rules that ask for none of them are warned of. */
  readonly sentEvents?: LoadOptions["sentEvents"];
  readonly onWarning: (text: string) => void;
}

/** Rules as they run, as they were loaded, and the files that they come from. */
export interface LoadedRuleSet {
  readonly set: RuleSet;
  /** Those of the set, as they were loaded. */
  readonly rules: readonly LoadedRule[];
  readonly correlations: readonly LoadedCorrelation[];
  readonly files: readonly RuleFile[];
}

/**
 * The rules of files and folders, compiled. Throws `RULE_LOAD` with every error of every file, each
 * with its place: nothing is half-loaded; `CONFIG_VALUE` as `fieldsFor`.
 */
export function loadRuleSet(paths: readonly string[], options: LoadRuleSetOptions): LoadedRuleSet {
  const files = readRuleFiles(paths);
  const { priority, appendOutput, ruleSelections, ruleMatching, base64Buffers } = options.settings;
  const result = loadRules(files, {
    fields: fieldsFor(options.settings),
    base: baseRules(),
    minimumPriority: priority,
    appendOutput,
    outputs: { base64: base64Buffers },
    ...(options.sentEvents === undefined ? {} : { sentEvents: options.sentEvents }),
  });
  const texts = new Map(files.map((file: RuleFile) => [file.name, file.text]));
  const errors = result.files.flatMap((file) =>
    file.errors.map((error) => formatDiagnostic(error, texts.get(file.name) ?? "")),
  );
  if (errors.length > 0) {
    printAside(errors.join("\n"));
    throw new AppError(
      "RULE_LOAD",
      `Cannot load rules: ${errors.length} ${errors.length === 1 ? "error" : "errors"} in ${result.files
        .filter((file) => file.errors.length > 0)
        .map((file) => file.name)
        .join(", ")}`,
    );
  }
  for (const file of result.files)
    for (const warning of file.warnings.filter(({ code }) => !isOfReplaced(file.name, code)))
      options.onWarning(formatDiagnostic(warning, texts.get(file.name) ?? ""));
  const enabled = options.enable.map((rule) => ({ action: "enable", by: { rule } }) as const);
  const selections = [...enabled, ...ruleSelections];
  const rules = selectRules(result.rules, selections);
  const correlations = selectRules(result.correlations, selections);
  if (ruleMatching === "first") for (const note of shadowingNotes(rules)) options.onWarning(note);
  const set = compileRuleSet(rules, { matching: ruleMatching, correlations });
  return { set, rules, correlations, files };
}

/** Rules in place of ours leave lists of ours unused: nothing that their author can mend. */
function isOfReplaced(file: string, code: string): boolean {
  return code.startsWith("LOAD_UNUSED_") && resolve(file).startsWith(SHIPPED_RULES);
}
