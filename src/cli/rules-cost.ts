import { readRuleFiles } from "../engine/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import { ruleCosts } from "../rules/rule-cost.ts";
import { EXIT } from "./exit.ts";
import { printTable } from "./table.ts";

/** `saker rules check --cost`: what each rule that is switched on costs, the dearest first. Exit code 1 when a file does not load. */
export function checkCost(paths: readonly string[], options: { readonly json?: boolean }): void {
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields: FIELDS });
  for (const [index, file] of result.files.entries()) {
    for (const error of file.errors) process.stderr.write(`${formatDiagnostic(error, files[index]?.text ?? "")}\n`);
    if (file.errors.length > 0) process.exitCode = EXIT.finding;
  }
  const costs = ruleCosts(result.rules.filter((rule) => rule.enabled));
  if (options.json === true) {
    for (const { rule, score, rate, comparisons, perEvent, reasons } of costs) {
      const events = [...rule.eventCodes].flatMap((code) => EVENT_TYPES[code]?.name ?? []);
      console.log(JSON.stringify({ name: rule.name, file: rule.file, score, rate: rate ?? null, events, comparisons, perEvent, reasons }));
    }
    return;
  }
  printTable(
    ["RULE", "COST", "EVENTS", "COMPARISONS", "WHY"],
    costs.map(({ rule, score, rate, eventCount, comparisons, reasons }) => [rule.name, String(score), `${eventCount}${rate === undefined ? "" : ` (${rate})`}`, String(comparisons), reasons.join("; ")]),
  );
}
