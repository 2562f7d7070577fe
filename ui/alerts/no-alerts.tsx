import type { Health } from "../../src/web/schemas/health.ts";
import { here } from "../data/route.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Empty } from "../parts/empty.tsx";
import { isFiltered, unfiltered } from "./alert-filter.ts";

/** Why there are no alerts, and what to do. */
export function NoAlerts() {
  const health = useLoaded<Health>("/health").value;
  if (isFiltered(here.value.searchParams))
    return (
      <Empty title="No alert passes this filter">
        <p>
          {health?.store.alerts === 0
            ? "None is kept at all yet. "
            : `Kept are ${health?.store.alerts ?? "…"} alerts. `}
          <a href={unfiltered()}>Clear the filter</a>
        </p>
      </Empty>
    );
  return (
    <Empty title="No alerts yet">
      <p>
        They appear here by themselves as soon as a rule matches. To see one, start something that
        listens: <code>docker run --rm -d alpine nc -l -p 8080</code>
      </p>
      <p>
        {health?.watch === null
          ? "No watch answers: this server only shows what others send it."
          : `${health?.watch?.rules ?? "…"} rules are switched on.`}{" "}
        <a href="/health">What is watched</a>
      </p>
    </Empty>
  );
}
