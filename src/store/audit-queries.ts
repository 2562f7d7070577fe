import type { Selectable } from "kysely";
import type { Backend } from "./backend.ts";
import { AUDIT_COLUMNS, type KeptAudit, type PlaceFilter } from "./port-queries.ts";
import type { Tables } from "./tables.ts";

/** Audits, newest first. */
export async function auditPage(
  { db }: Backend,
  filter: PlaceFilter & { readonly grade?: string | undefined },
): Promise<readonly KeptAudit[]> {
  let query = db
    .selectFrom("audit")
    .select(AUDIT_COLUMNS)
    .orderBy("id", "desc")
    .limit(filter.limit);
  if (filter.container !== undefined) query = query.where("container", "=", filter.container);
  if (filter.port !== undefined) query = query.where("port", "=", filter.port);
  if (filter.grade !== undefined) query = query.where("grade", "=", filter.grade);
  if (filter.before !== undefined) query = query.where("id", "<", filter.before);
  return query.execute();
}

/** The audit of an id, whole: `report` is JSON. */
export async function auditById(
  { db }: Backend,
  id: number,
): Promise<Selectable<Tables["audit"]> | undefined> {
  return db.selectFrom("audit").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Losses, problems and notes, newest first. */
export async function noticePage(
  { db }: Backend,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<readonly Selectable<Tables["notice"]>[]> {
  let query = db.selectFrom("notice").selectAll().orderBy("id", "desc").limit(limit);
  if (before !== undefined) query = query.where("id", "<", before);
  return query.execute();
}
