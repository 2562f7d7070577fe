import type { Selectable } from "kysely";
import type { Backend, IdRange } from "./backend.ts";
import type { Tables } from "./tables.ts";
import { type AlertFacts, termQuery } from "./term-query.ts";

/** Which alerts: by their arrival, and by what is true of them. */
export interface AlertFilter extends IdRange, AlertFacts {}

/** An alert as it is kept; `tags` and `fields` are JSON. */
export type KeptAlert = Selectable<Tables["alert"]> & Omit<Selectable<Tables["series"]>, "id">;

/** Alerts, newest first, and the ids beyond which further ones may be. */
export interface AlertSlice {
  readonly alerts: readonly KeptAlert[];
  readonly older: number | null;
  readonly newer: number | null;
}

/** Where a page is: the newest, or beside an id. */
export interface Paging {
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
}

/** A page of the alerts that are meant. */
export async function alertPage(
  backend: Backend,
  filter: AlertFilter,
  { before, after, limit }: Paging,
): Promise<AlertSlice> {
  const order = after === undefined ? "desc" : "asc";
  const range = { above: greatest(filter.above, after), below: least(filter.below, before) };
  const terms = termQuery(filter);
  const alerts =
    terms === undefined
      ? await alertsBetween(backend, range, { order, limit })
      : await alertsOf(
          backend,
          (await backend.hits({ terms, ...range, order, limit })).map(({ id }) => id),
        );
  const isFull = alerts.length === limit;
  const newestFirst = alerts.toSorted((one, other) => other.id - one.id);
  return {
    alerts: newestFirst,
    older: isFull || after !== undefined ? (newestFirst.at(-1)?.id ?? null) : null,
    newer: newestFirst[0]?.id ?? after ?? null,
  };
}

/** The alert of an id; undefined when there is none. */
export async function alertById(backend: Backend, id: number): Promise<KeptAlert | undefined> {
  const [alert] = await alertsOf(backend, [id]);
  return alert;
}

/** The alerts of ids, in no order. */
export async function alertsOf(
  backend: Backend,
  ids: readonly number[],
): Promise<readonly KeptAlert[]> {
  return ids.length === 0 ? [] : select(backend).where("alert.id", "in", ids).execute();
}

async function alertsBetween(
  backend: Backend,
  { above = 0, below = Number.MAX_SAFE_INTEGER }: IdRange,
  { order, limit }: { readonly order: "asc" | "desc"; readonly limit: number },
): Promise<readonly KeptAlert[]> {
  return select(backend)
    .where("alert.id", ">", above)
    .where("alert.id", "<", below)
    .orderBy("alert.id", order)
    .limit(limit)
    .execute();
}

function select({ db }: Backend) {
  return db
    .selectFrom("alert")
    .innerJoin("series", "series.id", "alert.series")
    .selectAll("series")
    .selectAll("alert");
}

function greatest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
