import { PRIORITIES } from "../../src/rules/priority.ts";
import type { AlertCounts } from "../../src/web/schemas/alert.ts";
import { here } from "../data/route.ts";
import { countText } from "../parts/numbers.ts";
import { chosenPriorities, toggled } from "./alert-filter.ts";
import { toneOf } from "./priorities.ts";

/** A chip for each priority with how many alerts it has; chosen ones are the filter. */
export function PriorityChips({ counts }: { counts: AlertCounts | undefined }) {
  const counted = new Map(counts?.by.priority?.map(({ value, count }) => [value, count]));
  const chosen = chosenPriorities(here.value.searchParams);
  return (
    <div class="chips" role="group" aria-label="Priorities">
      {PRIORITIES.map((priority) => {
        const count = counted.get(priority) ?? 0;
        const isChosen = chosen.has(priority);
        return (
          <a
            key={priority}
            class={`chip ${toneOf(priority)}${count === 0 ? " none" : ""}`}
            href={toggled("priority", priority)}
            aria-current={isChosen}
          >
            <i class="dot" />
            {priority}
            <b>{countText(count)}</b>
          </a>
        );
      })}
    </div>
  );
}
