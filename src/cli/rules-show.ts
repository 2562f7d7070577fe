import { printCondition } from "../rules/print-condition.ts";
import { wrapCondition } from "../rules/wrap-condition.ts";
import { eventNames, loadOrReport, ruleNamed } from "./rules-list.ts";
import { painted, printJson, printLine } from "./print.ts";

/** The options of `saker rules show`. */
export interface ShowOptions {
  readonly rules: readonly string[];
  readonly json?: boolean;
}

/**
 * `saker rules show`: one rule as it runs, with what files, exceptions, lists and macros made of
 * it.
 */
export function showRule(name: string, paths: readonly string[], options: ShowOptions): void {
  const rule = ruleNamed(name, loadOrReport([...paths, ...options.rules]));
  const fields = [
    ...new Set([...rule.conditionFields, ...rule.output.fields].map((field) => field.name)),
  ].toSorted();
  const { desc, priority, enabled, source, tags, file, conditionText, outputText } = rule;
  const condition = printCondition(rule.expression, "source");
  const events = eventNames(rule.eventCodes);
  if (options.json === true) {
    printJson({
      name: rule.name,
      desc,
      priority,
      enabled,
      source,
      tags,
      file,
      condition: conditionText,
      expanded: condition,
      output: outputText,
      events,
      fields,
    });
    return;
  }
  const row = (title: string, text: string): void =>
    printLine(painted("bold", title.padEnd(10)), text);
  row("rule", rule.name);
  row("desc", desc.trim());
  row("priority", `${priority}${enabled ? "" : ", switched off"}`);
  row("tags", tags.join(", ") || "none");
  row("file", file);
  row("events", events.join(", "));
  row("fields", fields.join(", "));
  row("output", outputText);
  printLine(painted("bold", "condition"));
  for (const line of wrapCondition(rule.expression)) printLine(`  ${line}`);
}
