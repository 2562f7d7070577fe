import { type Kysely, sql, type Transaction } from "kysely";
import type { PortNews } from "../news/news.ts";
import { portRow, type RowStamp } from "./news-rows.ts";
import type { Kept } from "./kept.ts";
import type { Tables } from "./tables.ts";

/** A port's news, with what its row is stamped with. */
export interface PortEvent {
  readonly stamp: RowStamp;
  readonly kind: "port-opened" | "port-closed";
  readonly port: PortNews;
}

/**
 * An opening is a row of its own, unless it was open when the watch before ended: then it goes on.
 * Undefined when nothing is news: a closing whose opening was never kept, or one that goes on.
 */
export async function keepPort(
  transaction: Transaction<Tables>,
  event: PortEvent,
): Promise<Kept | undefined> {
  const { stamp, kind } = event;
  const known = await openingOf(transaction, event);
  if (kind === "port-closed") {
    if (known === undefined) return undefined;
    await close(transaction, known, stamp.id);
    return { id: stamp.id, kind, row: known };
  }
  if (known !== undefined) {
    await transaction
      .updateTable("port")
      .set({ closed: null, unwatched: 0 })
      .where("id", "=", known)
      .execute();
    return undefined;
  }
  await transaction.insertInto("port").values(portRow(stamp, event.port)).execute();
  return { id: stamp.id, kind };
}

/** The row of the same opening: for a closing one that is open, for an opening one left open. */
async function openingOf(db: Kysely<Tables>, event: PortEvent): Promise<number | undefined> {
  return (await openingQuery(db, event).executeTakeFirst())?.id;
}

/** By the index of open ports, or of those left open: a port's history may be long. */
export function openingQuery(db: Kysely<Tables>, { stamp, kind, port }: PortEvent) {
  const row = portRow(stamp, port);
  const same = ["host", "protocol", "address", "port", "namespace"] as const;
  let query = db.selectFrom("port").select("id").orderBy("id", "desc").limit(1);
  for (const column of same) query = query.where(column, "=", row[column]);
  for (const column of ["container_id", "exepath"] as const)
    query = query.where(column, "is not distinct from", row[column] ?? null);
  // To the letter as in the indices: of a bound value nobody would know that it is theirs.
  return query.where(
    kind === "port-closed" ? sql<boolean>`closed is null` : sql<boolean>`unwatched = 1`,
  );
}

async function close(transaction: Transaction<Tables>, id: number, at: number): Promise<void> {
  await transaction.updateTable("port").set({ closed: at }).where("id", "=", id).execute();
}
