import { escaped } from "../../src/reports/escaped.ts";
import type { Health } from "../../src/web/schemas/health.ts";
import { countText } from "../parts/numbers.ts";

/**
 * All that was lost anywhere, by reason; or that nothing was. What a slow page was not sent is not:
 * it reads that by the cursor.
 */
export function Losses({ health }: { health: Health }) {
  const losses = lossesOf(health);
  if (losses.length === 0)
    return (
      <p class="verdict good" role="status">
        Nothing was lost.
      </p>
    );
  return (
    <div class="verdict bad" role="status">
      <b>Something was lost.</b>
      <ul>
        {losses.map(({ what, reason, count }) => (
          <li key={`${what} ${reason}`}>
            {countText(count)} {what}: {escaped(reason)}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface Loss {
  readonly what: string;
  readonly reason: string;
  readonly count: number;
}

function lossesOf({ watch, store }: Health): readonly Loss[] {
  const byReason = (what: string, reasons: Readonly<Record<string, number>>): Loss[] =>
    Object.entries(reasons).map(([reason, count]) => ({ what, reason, count }));
  return [
    ...byReason("events", watch?.events?.dropped ?? {}),
    ...byReason("news not kept", store.dropped),
    ...(watch?.outputs ?? []).flatMap(({ name, dropped }) => byReason(`for ${name}`, dropped)),
  ].filter(({ count }) => count > 0);
}
