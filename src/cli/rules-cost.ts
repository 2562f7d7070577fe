import { EVENT_TYPES } from "../events/schema.ts";
import { ruleCosts } from "../rules/rule-cost.ts";
import { isCorrelation, loadOrReport } from "./rules-list.ts";
import { printTable } from "./table.ts";
import { printJson } from "./print.ts";

/**
 * `saker rules check --cost`: what each rule that is switched on costs, the dearest first. Exit
 * code 1 when a file does not load.
 */
export function checkCost(paths: readonly string[], options: { readonly json?: boolean }): void {
  const enabled = loadOrReport(paths).filter((rule) => rule.enabled);
  // A rule that is off costs the same where a count takes its matches.
  const asked = enabled.flatMap((one) => (isCorrelation(one) ? one.steps.flat() : [one]));
  const costs = ruleCosts([...new Set(asked)]);
  if (options.json === true) {
    for (const { rule, score, rate, comparisons, perEvent, reasons } of costs) {
      const events = [...rule.eventCodes].flatMap((code) => EVENT_TYPES[code]?.name ?? []);
      printJson({
        name: rule.name,
        file: rule.file,
        score,
        rate: rate ?? null,
        events,
        comparisons,
        perEvent,
        reasons,
      });
    }
    return;
  }
  printTable(
    ["RULE", "COST", "EVENTS", "COMPARISONS", "WHY"],
    costs.map(({ rule, score, rate, eventCount, comparisons, reasons }) => [
      rule.name,
      String(score),
      `${eventCount}${rate === undefined ? "" : ` (${rate})`}`,
      String(comparisons),
      reasons.join("; "),
    ]),
  );
}
