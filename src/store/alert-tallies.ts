import { sql, type Selectable } from "kysely";
import { PRIORITIES } from "../rules/priority.ts";
import type { Backend } from "./backend.ts";
import type { AlertFilter } from "./alert-queries.ts";
import { minuteOf } from "./row-clock.ts";
import type { Tables } from "./tables.ts";
import { termQuery } from "./term-query.ts";
import type { FactKind } from "./terms.ts";

/** What alerts can be counted by. */
export type Dimension = "priority" | "rule" | "source" | "host" | "container" | "tag";

type SeriesRow = Selectable<Tables["series"]>;

/** Alerts of one series within one step of time. */
interface Tally {
  /** Whole steps since the Unix epoch. */
  readonly step: number;
  readonly series: number;
  readonly count: number;
}

interface Tallies {
  readonly tallies: readonly Tally[];
  readonly series: ReadonlyMap<number, SeriesRow>;
  /** Not null: alerts that arrived before this one are not counted. */
  readonly countedSince: number | null;
}

/** Counts by value, the most frequent first; a tag counts for each alert that has it. */
export interface Counts {
  readonly total: number;
  readonly by: ReadonlyMap<Dimension, readonly (readonly [value: string, count: number])[]>;
  readonly countedSince: number | null;
}

/**
 * How many alerts are meant, in whole minutes of arrival. Filters by fields, words or ids of
 * containers count the newest COUNTED_MAX alone.
 */
export async function alertCounts(
  backend: Backend,
  filter: AlertFilter,
  by: readonly Dimension[],
): Promise<Counts> {
  const { tallies, series, countedSince } = await talliesOf(backend, filter, 0);
  const counts = new Map(by.map((dimension) => [dimension, new Map<string, number>()]));
  let total = 0;
  for (const tally of tallies) {
    total += tally.count;
    const row = series.get(tally.series);
    if (row === undefined) continue;
    for (const [dimension, values] of counts)
      for (const value of valuesOf(row, dimension))
        values.set(value, (values.get(value) ?? 0) + tally.count);
  }
  const sorted = [...counts].map(
    ([dimension, values]) =>
      [dimension, [...values].toSorted(([, one], [, other]) => other - one)] as const,
  );
  return { total, by: new Map(sorted), countedSince };
}

/** Counts of each value by step: `[step, value, count]`. A step is so many minutes. */
export async function alertTimeline(
  backend: Backend,
  filter: AlertFilter,
  { by, minutes }: { readonly by: Dimension; readonly minutes: number },
): Promise<{
  readonly points: readonly (readonly [step: number, value: string, count: number])[];
  readonly countedSince: number | null;
}> {
  const { tallies, series, countedSince } = await talliesOf(backend, filter, minutes);
  const points = tallies.flatMap(({ step, series: id, count }) => {
    const row = series.get(id);
    return row === undefined ? [] : valuesOf(row, by).map((value) => [step, value, count] as const);
  });
  return { points, countedSince };
}

/** `minutes`: of a step, 0 for one step in all. */
async function talliesOf(backend: Backend, filter: AlertFilter, minutes: number): Promise<Tallies> {
  const { is, isNot, text } = filter;
  const needsTerms = [is.field, isNot.field].some((values) => (values?.length ?? 0) > 0);
  if (needsTerms || text !== undefined) return talliesOfHits(backend, filter, minutes);
  const tallies = await minuteTallies(backend, filter, minutes);
  const all = await seriesFor(backend, tallies);
  const named = new Set([...all.values()].map(({ container }) => container));
  const containers = [...(is.container ?? []), ...(isNot.container ?? [])];
  // An id, or none that there is: series have names alone.
  if (containers.some((container) => !named.has(container)))
    return talliesOfHits(backend, filter, minutes);
  const meant = [...all].filter(([, row]) => isMeant(row, filter));
  const series = new Map(meant);
  return {
    tallies: tallies.filter((tally) => series.has(tally.series)),
    series,
    countedSince: null,
  };
}

async function minuteTallies(
  { db }: Backend,
  { above, below }: AlertFilter,
  minutes: number,
): Promise<readonly Tally[]> {
  // A literal: node:sqlite binds numbers as floating point, whose quotient is none of integers.
  const step = minutes === 0 ? sql<number>`0` : sql<number>`minute / ${sql.lit(minutes)}`;
  let query = db
    .selectFrom("minute")
    .select([step.as("step"), "series", (from) => from.fn.sum<number>("count").as("count")])
    .groupBy(["step", "series"]);
  if (above !== undefined) query = query.where("minute", ">=", minuteOf(above + 1));
  if (below !== undefined) query = query.where("minute", "<=", minuteOf(below - 1));
  return query.execute();
}

async function talliesOfHits(
  backend: Backend,
  filter: AlertFilter,
  minutes: number,
): Promise<Tallies> {
  const terms = termQuery(filter);
  if (terms === undefined) return { tallies: [], series: new Map(), countedSince: null };
  const { above, below } = filter;
  const hits = await backend.hits({ terms, above, below, order: "desc", limit: COUNTED_MAX });
  const tallies = new Map<string, Tally>();
  for (const { id, series } of hits) {
    const step = minutes === 0 ? 0 : Math.floor(minuteOf(id) / minutes);
    const key = `${step} ${series}`;
    tallies.set(key, { step, series, count: (tallies.get(key)?.count ?? 0) + 1 });
  }
  const found = [...tallies.values()];
  return {
    tallies: found,
    series: await seriesFor(backend, found),
    countedSince: hits.length < COUNTED_MAX ? null : (hits.at(-1)?.id ?? null),
  };
}

async function seriesFor(
  { db }: Backend,
  tallies: readonly Tally[],
): Promise<ReadonlyMap<number, SeriesRow>> {
  const ids = [...new Set(tallies.map(({ series }) => series))];
  const rows =
    ids.length > ASKED_MAX
      ? await db.selectFrom("series").selectAll().execute()
      : ids.length === 0
        ? []
        : await db.selectFrom("series").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

function isMeant(row: SeriesRow, { is, isNot }: AlertFilter): boolean {
  return SERIES_FACTS.every((fact) => {
    const [wanted, unwanted] = [is[fact] ?? [], isNot[fact] ?? []];
    if (wanted.length === 0 && unwanted.length === 0) return true;
    const values = valuesOf(row, fact);
    return (
      (wanted.length === 0 || values.some((value) => wanted.includes(value))) &&
      !values.some((value) => unwanted.includes(value))
    );
  });
}

function valuesOf(row: SeriesRow, fact: (typeof SERIES_FACTS)[number]): readonly string[] {
  if (fact === "tag") return JSON.parse(row.tags) as string[];
  if (fact === "priority") return [PRIORITIES[row.priority] ?? ""];
  if (fact === "silenced") return row.silence === "" ? [] : ["yes"];
  return [row[fact]];
}

const SERIES_FACTS = [
  "priority",
  "rule",
  "source",
  "host",
  "container",
  "tag",
  "silenced",
] as const satisfies readonly FactKind[];
/** Alerts that a filter by fields or words counts: some ten milliseconds. */
const COUNTED_MAX = 5000;
/** Series that are asked for by their ids; of more, all are read. */
const ASKED_MAX = 500;
