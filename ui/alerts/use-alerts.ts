import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AlertCounts, AlertTimeline } from "../../src/web/schemas/alert.ts";
import { follow } from "../data/live.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { AlertFeed } from "./alert-feed.ts";
import { filterQuery, momentOf } from "./alert-filter.ts";

/** What the page shows of the alerts that a filter lets through. */
export interface Alerts {
  readonly feed: AlertFeed;
  /** By priority, whichever are chosen. */
  readonly priorities: AlertCounts | undefined;
  /** The filter's own, with the most frequent rules. */
  readonly counts: AlertCounts | undefined;
  readonly timeline: AlertTimeline | undefined;
  /** How many the filter would let through, were they not silenced. */
  readonly silenced: number | undefined;
}

/** The alerts of an address's filter; all of it goes on by itself. `search` is the address's query. */
export function useAlerts(search: string): Alerts {
  const asked = useMemo(() => filterQuery(new URLSearchParams(search), new Date()), [search]);
  const query = asked.toString();
  const feed = useMemo(() => new AlertFeed(query), [query]);
  useEffect(() => () => feed.close(), [feed]);
  const [round, countSoon] = useRounds(COUNT_MS);
  useEffect(() => {
    const catchUp = (): void => {
      void feed.catchUp();
      countSoon();
    };
    // Of a span that has ended nothing can arrive.
    const end = momentOf(asked.get("until")) ?? Number.POSITIVE_INFINITY;
    return follow(
      {
        alert: (alert) => {
          if (alert.id / 1000 >= end) return;
          feed.arrive(alert);
          countSoon();
        },
        gap: catchUp,
        opened: catchUp,
      },
      query,
    );
  }, [feed]);
  // A span that ends now has moved on, too.
  const now = useMemo(() => filterQuery(new URLSearchParams(search), new Date()), [search, round]);
  const anyPriority = new URLSearchParams(now);
  anyPriority.delete("priority");
  const silenced = new URLSearchParams(now);
  silenced.set("silenced", "yes");
  const priorities = `/alerts/counts?${anyPriority}&by=priority`;
  return {
    feed,
    priorities: useLoaded<AlertCounts>(priorities, round).value,
    counts: useLoaded<AlertCounts>(`/alerts/counts?${now}&by=rule&top=5`, round).value,
    timeline: useLoaded<AlertTimeline>(`/alerts/timeline?${now}&steps=120`, round).value,
    silenced: useLoaded<AlertCounts>(`/alerts/counts?${silenced}&top=1`, round).value?.total,
  };
}

/** A number that goes up some time after it was asked to, however often. */
function useRounds(afterMs: number): readonly [round: number, soon: () => void] {
  const [round, setRound] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(null);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  const soon = (): void => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      setRound((last) => last + 1);
    }, afterMs);
  };
  return [round, soon];
}

/** Counting is dearer than showing: a burst is counted once. */
const COUNT_MS = 2000;
