import { escaped } from "../../src/reports/escaped.ts";
import type { StoreHealth } from "../../src/web/schemas/health.ts";
import { Facts } from "../parts/facts.tsx";
import { bytesText, countText } from "../parts/numbers.ts";
import { agoText } from "../parts/times.ts";

/** What is kept, and since when. */
export function StorePart({ store, now }: { store: StoreHealth; now: Date }) {
  const { retention, since } = store;
  return (
    <section>
      <h2>Store</h2>
      {store.problem !== null && (
        <p class="bad" role="alert">
          {escaped(store.problem)}
        </p>
      )}
      <Facts
        facts={[
          ["shows events since", since === null ? "nothing is kept yet" : sinceText(since, now)],
          ["alerts", countText(store.alerts)],
          ["size", `${bytesText(store.bytes)} of ${retention.megabytes} MB`],
          ["kept for", `${retention.days} days`],
          ["removed, being old", countText(retention.removed)],
          ["not committed yet", countText(store.waiting)],
          ["where", `${store.kind}: ${store.place}`],
        ]}
      />
    </section>
  );
}

function sinceText(id: number, now: Date): string {
  const time = new Date(id / 1000);
  return `${time.toLocaleString("en-GB")} (${agoText(time, now)})`;
}
