import { useRef, useState } from "preact/hooks";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { go, here, withQuery } from "../data/route.ts";
import { Trouble } from "../parts/trouble.tsx";
import { useKeys } from "../parts/use-keys.ts";
import { AlertBar } from "./alert-bar.tsx";
import { AlertDrawer } from "./alert-drawer.tsx";
import { AlertTable } from "./alert-table.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { NoAlerts } from "./no-alerts.tsx";
import { PriorityChips } from "./priority-chips.tsx";
import { Timeline } from "./timeline.tsx";
import { TopRules } from "./top-rules.tsx";
import { type Alerts, useAlerts } from "./use-alerts.ts";

/** Alerts as they come in, and all that are kept. */
export function AlertsPage() {
  const filter = new URLSearchParams(here.value.searchParams);
  const opened = filter.get("alert") ?? undefined;
  filter.delete("alert");
  const alerts = useAlerts(filter.toString());
  const { feed } = alerts;
  const search = useRef<HTMLInputElement>(null);
  const [selected, open] = useSelection(alerts, opened);
  useKeys({ "/": () => search.current?.focus(), " ": () => feed.pause(!feed.isPaused.value) });
  const rows = feed.rows.value;
  const isEmpty = rows.length === 0 && !feed.isLoading.value && feed.error.value === undefined;
  return (
    <main class="alerts">
      <h1 class="unseen">Alerts</h1>
      <section class="controls" aria-label="Filter">
        <FilterBar search={search} />
        <PriorityChips counts={alerts.priorities} />
      </section>
      <section class="overview" aria-label="Overview">
        {alerts.timeline !== undefined && <Timeline timeline={alerts.timeline} onSpan={goToSpan} />}
        <TopRules counts={alerts.counts} />
      </section>
      <AlertBar feed={feed} total={alerts.counts} silenced={alerts.silenced} />
      {feed.error.value !== undefined && (
        <Trouble error={feed.error.value} retry={() => void feed.restart()} />
      )}
      {isEmpty ? <NoAlerts /> : <AlertTable feed={feed} selected={selected} onOpen={open} />}
      {opened !== undefined && (
        <AlertDrawer
          key={opened}
          id={opened}
          known={rows.find(({ id }) => `${id}` === opened)}
          onClose={() => open(undefined)}
        />
      )}
    </main>
  );
}

/** The row that keys act on, and what opens or closes an alert; the address has which is open. */
function useSelection(
  { feed }: Alerts,
  opened: string | undefined,
): readonly [number | undefined, (alert: StoredAlert | undefined) => void] {
  const [last, select] = useState<number>();
  const selected = opened === undefined ? last : Number(opened);
  const open = (alert: StoredAlert | undefined): void => {
    select(alert?.id ?? selected);
    go(withQuery({ alert: alert === undefined ? undefined : `${alert.id}` }), {
      replace: opened !== undefined && alert !== undefined,
    });
  };
  const step = (by: number): void => {
    const rows = feed.rows.value;
    const at = rows.findIndex(({ id }) => id === selected);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (opened === undefined) select(next?.id);
    else if (next !== undefined) open(next);
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => open(feed.rows.value.find(({ id }) => id === selected)),
    Escape: () => {
      if (opened !== undefined) open(undefined);
    },
  });
  return [selected, open];
}

function goToSpan(since: Date, until: Date): void {
  go(withQuery({ since: since.toISOString(), until: until.toISOString(), last: undefined }));
}
