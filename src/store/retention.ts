import { sql, type Transaction } from "kysely";
import type { Backend } from "./backend.ts";
import { idAt, minuteOf } from "./row-clock.ts";
import type { Tables } from "./tables.ts";

/** How much is kept. */
export interface RetentionLimits {
  /** Milliseconds. */
  readonly ageMs: number;
  readonly bytes: number;
}

/**
 * Removes the oldest rows where they are too old or too many bytes, a slice at a time: `true` when
 * there is more to remove. Ports that are open stay. `now`: epoch milliseconds.
 */
export async function removeOldest(
  backend: Backend,
  { ageMs, bytes }: RetentionLimits,
  now: number,
): Promise<{ readonly removed: number; readonly isMore: boolean }> {
  const oldest = idAt(now - ageMs);
  const isTooBig = (await backend.bytes()) > bytes;
  const border = isTooBig ? await sliceBorder(backend, oldest) : oldest;
  const { removed, isMore } = await removeSlice(backend, border);
  await backend.shrink();
  // What is still too big with nothing left to remove stays so until it is written to.
  return { removed, isMore: isMore || (isTooBig && removed > 0) };
}

/** Removes a slice whatever the limits: the disk is full. Alerts that are gone. */
export async function removeSliceNow(backend: Backend): Promise<number> {
  const { removed } = await removeSlice(backend, await sliceBorder(backend, 0));
  await backend.shrink();
  return removed;
}

/**
 * An id with a slice of rows before it: of the table whose oldest rows are the oldest. Of a table
 * with fewer rows, its newest.
 */
async function sliceBorder({ db }: Backend, oldest: number): Promise<number> {
  let border = Number.MAX_SAFE_INTEGER;
  for (const table of TABLES) {
    const rows = await db
      .selectFrom(table)
      .select("id")
      .orderBy("id", "asc")
      .limit(SLICE_ROWS + 1)
      .execute();
    border = Math.min(border, rows.at(-1)?.id ?? border);
  }
  return Math.max(oldest, border === Number.MAX_SAFE_INTEGER ? 0 : border);
}

async function removeSlice(
  backend: Backend,
  border: number,
): Promise<{ readonly removed: number; readonly isMore: boolean }> {
  return backend.db.transaction().execute(async (transaction) => {
    const rows = await transaction
      .selectFrom("alert")
      .select(["id", "series"])
      .where("id", "<", border)
      .orderBy("id", "asc")
      .limit(SLICE_ROWS)
      .execute();
    if (rows.length > 0) {
      await uncount(transaction, rows);
      await backend.deleteAlerts(
        transaction,
        rows.map(({ id }) => id),
      );
    }
    const others = await removeOthers(transaction, border);
    return { removed: rows.length, isMore: rows.length === SLICE_ROWS || others };
  });
}

/** Of each other table the oldest slice: true when that was a whole one. */
async function removeOthers(transaction: Transaction<Tables>, border: number): Promise<boolean> {
  let isMore = false;
  for (const table of ["audit", "notice", "port"] as const) {
    let old = transaction.selectFrom(table).select("id").where("id", "<", border);
    if (table === "port") old = old.where("port.closed" as "id", "is not", null);
    const ids = (await old.orderBy("id", "asc").limit(SLICE_ROWS).execute()).map(({ id }) => id);
    if (ids.length > 0) await transaction.deleteFrom(table).where("id", "in", ids).execute();
    isMore ||= ids.length === SLICE_ROWS;
  }
  return isMore;
}

/** Takes alerts out of the counts; minutes and series without alerts go. */
async function uncount(
  transaction: Transaction<Tables>,
  rows: readonly { readonly id: number; readonly series: number }[],
): Promise<void> {
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

const TABLES = ["alert", "audit", "notice", "port"] as const;
/** Rows of one transaction: more of them are seconds on a busy disk. */
const SLICE_ROWS = 500;
