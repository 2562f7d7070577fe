import { sql, type Transaction } from "kysely";
import type { Backend, Hit } from "./backend.ts";
import { idAt, minuteOf } from "./row-clock.ts";
import { countUnsent } from "./outbox-news.ts";
import type { Tables } from "./tables.ts";
import type { TermQuery } from "./term-query.ts";
import { factTerm } from "./terms.ts";

/** How much is kept. */
export interface RetentionLimits {
  /** Milliseconds. */
  readonly ageMs: number;
  readonly bytes: number;
}

/**
 * Removes what is too old, or too much, a slice at a time. Where there is too much, who holds more
 * than half of the alerts loses first: one container's flood pushes nobody else's history out. Ports
 * that are open stay.
 */
export class Retention {
  readonly #limits: RetentionLimits;
  #most: Most | undefined;

  constructor(limits: RetentionLimits) {
    this.#limits = limits;
  }

  /** `isMore`: there is more to remove. `now`: epoch milliseconds. */
  async removeOldest(backend: Backend, now: number): Promise<Slice> {
    const oldest = idAt(now - this.#limits.ageMs);
    const isTooBig = (await backend.bytes()) > this.#limits.bytes;
    const { removed, isMore } = isTooBig
      ? await this.#removeMuch(backend, oldest)
      : await removeSlice(backend, oldest);
    await backend.shrink();
    // What is still too big with nothing left to remove stays so until it is written to.
    return { removed, isMore: isMore || (isTooBig && removed > 0) };
  }

  /** Removes a slice whatever the limits: the disk is full. Alerts that are gone. */
  async removeNow(backend: Backend): Promise<number> {
    const { removed } = await this.#removeMuch(backend, 0);
    await backend.shrink();
    return removed;
  }

  async #removeMuch(backend: Backend, oldest: number): Promise<Slice> {
    if (this.#most === undefined || this.#most.surplus <= 0) this.#most = await mostOf(backend);
    const most = this.#most;
    if (most === undefined) return removeSlice(backend, await sliceBorder(backend, oldest));
    const limit = Math.min(SLICE_ROWS, most.surplus);
    const { above } = most;
    // What was removed stands in the index for a while: it is not gone through again.
    const rows = await backend.hits({ terms: termsOf(most), above, order: "asc", limit });
    await backend.db.transaction().execute((transaction) => remove(backend, transaction, rows));
    most.above = rows.at(-1)?.id ?? most.above;
    most.surplus = rows.length < limit ? 0 : most.surplus - rows.length;
    return { removed: rows.length, isMore: rows.length > 0 };
  }
}

/** Alerts that were removed, and whether there are more of their kind. */
interface Slice {
  readonly removed: number;
  readonly isMore: boolean;
}

/** The container that holds more than half of all alerts. */
interface Most {
  readonly container: string;
  /** So many of its alerts are more than all others have. */
  surplus: number;
  /** Its alerts up to this id are gone. */
  above: number;
}

/** Reads all minutes: once for as many alerts as are the surplus. Undefined where none has so many. */
async function mostOf({ db }: Backend): Promise<Most | undefined> {
  const rows = await db
    .selectFrom("minute")
    .innerJoin("series", "series.id", "minute.series")
    .select(["container", (from) => from.fn.sum<number>("count").as("count")])
    .groupBy("container")
    .execute();
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const most = rows.find(({ count }) => 2 * count > total);
  // Who is alone has nobody to push out.
  if (most === undefined || most.count === total) return undefined;
  return { container: most.container, surplus: 2 * most.count - total, above: 0 };
}

function termsOf({ container }: Most): TermQuery {
  return { all: [[factTerm("container", container)]], prefix: undefined, none: [] };
}

/** An id with a slice of rows before it: the oldest of all tables together. */
async function sliceBorder({ db }: Backend, oldest: number): Promise<number> {
  const ids: number[] = [];
  for (const table of TABLES) {
    let rows = db.selectFrom(table).select("id");
    if (table === "port") rows = rows.where(IS_CLOSED, "is not", null);
    const first = await rows
      .orderBy("id", "asc")
      .limit(SLICE_ROWS + 1)
      .execute();
    ids.push(...first.map(({ id }) => id));
  }
  ids.sort((one, other) => one - other);
  const last = ids.at(-1) ?? 0;
  return Math.max(oldest, ids[SLICE_ROWS] ?? last + 1);
}

async function removeSlice(backend: Backend, border: number): Promise<Slice> {
  return backend.db.transaction().execute(async (transaction) => {
    const rows = await transaction
      .selectFrom("alert")
      .select(["id", "series"])
      .where("id", "<", border)
      .orderBy("id", "asc")
      .limit(SLICE_ROWS)
      .execute();
    await remove(backend, transaction, rows);
    const others = await removeOthers(transaction, border);
    return { removed: rows.length, isMore: rows.length === SLICE_ROWS || others };
  });
}

/** Alerts with their terms and counts. */
async function remove(
  backend: Backend,
  transaction: Transaction<Tables>,
  rows: readonly Hit[],
): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await uncount(transaction, rows);
  await countUnsent(transaction, "alert", ids);
  await backend.deleteAlerts(transaction, ids);
}

/** Of each other table the oldest slice: true when that was a whole one. */
async function removeOthers(transaction: Transaction<Tables>, border: number): Promise<boolean> {
  let isMore = false;
  for (const table of ["audit", "notice", "port"] as const) {
    let old = transaction.selectFrom(table).select("id").where("id", "<", border);
    if (table === "port") old = old.where(IS_CLOSED, "is not", null);
    const ids = (await old.orderBy("id", "asc").limit(SLICE_ROWS).execute()).map(({ id }) => id);
    if (table !== "notice") await countUnsent(transaction, table, ids);
    if (ids.length > 0) await transaction.deleteFrom(table).where("id", "in", ids).execute();
    isMore ||= ids.length === SLICE_ROWS;
  }
  return isMore;
}

/** Takes alerts out of the counts; minutes and series without alerts go. */
async function uncount(transaction: Transaction<Tables>, rows: readonly Hit[]): Promise<void> {
  const counts = new Map<string, { minute: number; series: number; count: number }>();
  for (const { id, series } of rows) {
    const minute = minuteOf(id);
    const key = `${minute} ${series}`;
    counts.set(key, { minute, series, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  for (const { minute, series, count } of counts.values())
    await transaction
      .updateTable("minute")
      .set({ count: sql<number>`count - ${sql.lit(count)}` })
      .where("minute", "=", minute)
      .where("series", "=", series)
      .execute();
  await transaction
    .deleteFrom("minute")
    .where("count", "<=", 0)
    .where("minute", "<=", minuteOf(rows.at(-1)?.id ?? 0))
    .execute();
}

/** Series that no alert has any more. Reads all minutes: seldom. */
export async function removeUnusedSeries({ db }: Backend): Promise<void> {
  await db
    .deleteFrom("series")
    .where("id", "not in", (from) => from.selectFrom("minute").select("series").distinct())
    .execute();
}

/** A column of ports alone: those that are open stay. */
const IS_CLOSED = "port.closed" as "id";
const TABLES = ["alert", "audit", "notice", "port"] as const;
/** Rows of one transaction: more of them are seconds on a busy disk. */
const SLICE_ROWS = 500;
