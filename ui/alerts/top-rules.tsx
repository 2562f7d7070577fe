import { escaped } from "../../src/reports/escaped.ts";
import type { AlertCounts } from "../../src/web/schemas/alert.ts";
import { countText } from "../parts/numbers.ts";
import { toggled } from "./alert-filter.ts";

/** The rules that alert most, as bars; one of them is a step into the filter. */
export function TopRules({ counts }: { counts: AlertCounts | undefined }) {
  const rules = counts?.by.rule ?? [];
  const most = rules[0]?.count ?? 1;
  return (
    <ol class="top-rules" aria-label="Most frequent rules">
      {rules.map(({ value, count }) => (
        <li key={value}>
          <a href={toggled("rule", value)} title={escaped(value)}>
            <i style={{ width: `${(100 * count) / most}%` }} />
            <span>{escaped(value)}</span>
            <b>{countText(count)}</b>
          </a>
        </li>
      ))}
    </ol>
  );
}
