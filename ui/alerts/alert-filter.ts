import type { AlertFilter } from "../../src/web/schemas/alert-query.ts";
import { PRIORITIES, type Priority } from "../../src/rules/priority.ts";
import { here, withQuery } from "../data/route.ts";

/** What stands in the page's address is what the API is asked, under the same names. */
const ASKED = {
  since: true,
  until: true,
  text: true,
  priority: true,
  rule: true,
  source: true,
  host: true,
  container: true,
  tag: true,
  field: true,
  silenced: true,
  "priority!": true,
  "rule!": true,
  "source!": true,
  "host!": true,
  "container!": true,
  "tag!": true,
  "field!": true,
} satisfies Record<keyof AlertFilter, true>;

/** A name of the filter. */
export type FilterName = keyof AlertFilter;

/** Spans that end now, by their name in `last`. */
export const SPANS: Readonly<Record<string, number>> = {
  "15m": 900_000,
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 604_800_000,
};

/**
 * The address's filter as the API's query; `last=1h` is a span that ends at `now`. Silenced alerts
 * are left out unless it asks for them (`silenced=yes`, or `all` beside the others).
 */
export function filterQuery(query: URLSearchParams, now: Date): URLSearchParams {
  const asked = new URLSearchParams([...query].filter(([name]) => name in ASKED));
  const span = SPANS[query.get("last") ?? ""];
  if (span !== undefined) asked.set("since", new Date(now.getTime() - span).toISOString());
  if (query.get("silenced") === "all") asked.delete("silenced");
  else if (!query.has("silenced")) asked.set("silenced", "no");
  return asked;
}

/** Epoch milliseconds of `since` or `until`, which may be that number or ISO 8601. */
export function momentOf(value: string | null): number | undefined {
  if (value === null) return undefined;
  return /^\d+$/.test(value) ? Number(value) : Date.parse(value);
}

/** True when the address leaves anything out. */
export function isFiltered(query: URLSearchParams): boolean {
  return [...query.keys()].some((name) => name in ASKED || name === "last");
}

/** Priorities that are asked for; none where all are. */
export function chosenPriorities(query: URLSearchParams): ReadonlySet<Priority> {
  const names = query.getAll("priority");
  return new Set(PRIORITIES.filter((priority) => names.includes(priority)));
}

/** The address with one value of a name more, or one less. */
export function toggled(name: FilterName, value: string): string {
  const query = new URLSearchParams(here.value.searchParams);
  if (query.has(name, value)) query.delete(name, value);
  else query.append(name, value);
  const text = query.toString();
  return text === "" ? here.value.pathname : `${here.value.pathname}?${text}`;
}

/** The address without any filter. */
export function unfiltered(): string {
  const names = [...Object.keys(ASKED), "last"];
  return withQuery(Object.fromEntries(names.map((name) => [name, undefined])));
}

/** Each part of the filter but the priorities and the text, which have controls of their own. */
export function filterParts(
  query: URLSearchParams,
): readonly { readonly name: FilterName; readonly value: string }[] {
  return [...query].flatMap(([name, value]) =>
    name in ASKED && name !== "priority" && name !== "text"
      ? [{ name: name as FilterName, value }]
      : [],
  );
}
