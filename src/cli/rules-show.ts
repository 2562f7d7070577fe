import type { LoadedCorrelation } from "../rules/compile-correlation.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { printCondition } from "../rules/print-condition.ts";
import { wrapCondition } from "../rules/wrap-condition.ts";
import {
  codesOf,
  eventNames,
  isCorrelation,
  kindOf,
  type Listed,
  loadOrReport,
  ruleNamed,
} from "./rules-list.ts";
import { painted, printJson, printLine } from "./print.ts";

/** The options of `saker rules show`. */
export interface ShowOptions {
  readonly rules: readonly string[];
  readonly json?: boolean;
}

/**
 * `saker rules show`: one rule as it runs, with what files, exceptions, lists and macros made of
 * it; or a count or sequence with the rules that it takes.
 */
export function showRule(name: string, paths: readonly string[], options: ShowOptions): void {
  const shown = ruleNamed(name, loadOrReport([...paths, ...options.rules]));
  const { desc, priority, enabled, source, tags, file, outputText } = shown;
  const fields = fieldsOf(shown);
  const events = eventNames(codesOf(shown));
  if (options.json === true) {
    const about = { name: shown.name, kind: kindOf(shown), desc, priority, enabled, source, tags };
    const what = isCorrelation(shown) ? correlationJson(shown) : conditionJson(shown);
    printJson({ ...about, file, ...what, output: outputText, events, fields });
    return;
  }
  row(kindOf(shown), shown.name);
  row("desc", desc.trim());
  row("priority", `${priority}${enabled ? "" : ", switched off"}`);
  row("tags", tags.join(", ") || "none");
  row("file", file);
  row("events", events.join(", "));
  row("fields", fields.join(", "));
  row("output", outputText);
  if (isCorrelation(shown)) showCorrelation(shown);
  else {
    printLine(painted("bold", "condition"));
    for (const line of wrapCondition(shown.expression)) printLine(`  ${line}`);
  }
}

function row(title: string, text: string): void {
  printLine(painted("bold", title.padEnd(10)), text);
}

function showCorrelation({ kind, steps, threshold, withinMs, byNames }: LoadedCorrelation): void {
  if (kind === "count") row("threshold", String(threshold));
  row("within", `${withinMs / 1000} s`);
  row("by", byNames.join(", ") || "nothing: all matches belong together");
  for (const [index, rule] of steps.flat().entries())
    row(kind === "count" ? "counts" : `step ${index + 1}`, rule.name);
}

function fieldsOf(shown: Listed): readonly string[] {
  const asked = isCorrelation(shown)
    ? shown.by.flatMap(({ fields }) => fields)
    : shown.conditionFields;
  return [...new Set([...asked, ...shown.output.fields].map((field) => field.name))].toSorted();
}

function conditionJson({ conditionText, expression }: LoadedRule): object {
  return { condition: conditionText, expanded: printCondition(expression, "source") };
}

function correlationJson(correlation: LoadedCorrelation): object {
  const { ruleNames, byNames, threshold, withinMs } = correlation;
  return { rules: ruleNames, by: byNames, threshold, withinMs };
}
