import type { Selectable } from "kysely";
import type { Backend } from "./backend.ts";
import type { Tables } from "./tables.ts";

/** One opening of a port. */
export type KeptPort = Selectable<Tables["port"]>;

/** An audit without its whole report. */
export type KeptAudit = Omit<Selectable<Tables["audit"]>, "report">;

/** A port with the newest audit of its place. */
export interface AuditedPort {
  readonly port: KeptPort;
  readonly audit: KeptAudit | undefined;
}

/** Which rows, newest first. */
export interface PlaceFilter {
  readonly container?: string | undefined;
  readonly port?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Openings of ports, newest first, each with the newest audit of its place. */
export async function portPage(
  backend: Backend,
  filter: PlaceFilter & { readonly state: "open" | "closed" | "all" },
): Promise<readonly AuditedPort[]> {
  let query = backend.db.selectFrom("port").selectAll().orderBy("id", "desc").limit(filter.limit);
  if (filter.container !== undefined) query = query.where("container", "=", filter.container);
  if (filter.port !== undefined) query = query.where("port", "=", filter.port);
  if (filter.before !== undefined) query = query.where("id", "<", filter.before);
  if (filter.state !== "all")
    query = query.where("closed", filter.state === "open" ? "is" : "is not", null);
  return withAudits(backend, await query.execute());
}

/** The port of a row's id. */
export async function portById(backend: Backend, id: number): Promise<AuditedPort | undefined> {
  const rows = await backend.db.selectFrom("port").selectAll().where("id", "=", id).execute();
  return (await withAudits(backend, rows))[0];
}

/** All openings and audits of one place, newest first. */
export async function placeHistory(
  { db }: Backend,
  { port, container, address, host }: KeptPort,
): Promise<{ readonly openings: readonly KeptPort[]; readonly audits: readonly KeptAudit[] }> {
  const openings = await db
    .selectFrom("port")
    .selectAll()
    .where("port", "=", port)
    .where("host", "=", host)
    .where("address", "=", address)
    .where("container", "is not distinct from", container)
    .orderBy("id", "desc")
    .limit(HISTORY_MAX)
    .execute();
  const audits = await db
    .selectFrom("audit")
    .select(AUDIT_COLUMNS)
    .where("port", "=", port)
    .where("host", "=", host)
    .where("address", "=", address)
    .where("container", "is not distinct from", container)
    .orderBy("id", "desc")
    .limit(HISTORY_MAX)
    .execute();
  return { openings, audits };
}

/** What is otherwise than at an id: opened, closed, and audits of another grade than the last one then. */
export async function driftSince(
  backend: Backend,
  since: number,
): Promise<{
  readonly opened: readonly AuditedPort[];
  readonly closed: readonly AuditedPort[];
  readonly regraded: readonly { readonly before: KeptAudit; readonly after: KeptAudit }[];
}> {
  const ports = backend.db.selectFrom("port").selectAll().orderBy("id", "desc").limit(HISTORY_MAX);
  const opened = await ports.where("id", ">=", since).where("closed", "is", null).execute();
  const closed = await ports.where("id", "<", since).where("closed", ">=", since).execute();
  return {
    opened: await withAudits(backend, opened),
    closed: await withAudits(backend, closed),
    regraded: await regradedSince(backend, since),
  };
}

/** The newest audit of each place against its last one before. */
async function regradedSince({ db }: Backend, since: number) {
  const newer = await db
    .selectFrom("audit")
    .select(AUDIT_COLUMNS)
    .where("id", ">=", since)
    .orderBy("id", "desc")
    .limit(HISTORY_MAX)
    .execute();
  const newest = [...Map.groupBy(newer, placeOf).values()].flatMap(([first]) => first ?? []);
  const regraded: { before: KeptAudit; after: KeptAudit }[] = [];
  for (const after of newest) {
    const before = await db
      .selectFrom("audit")
      .select(AUDIT_COLUMNS)
      .where("port", "=", after.port)
      .where("id", "<", since)
      .where("host", "=", after.host)
      .where("address", "=", after.address)
      .where("container", "is not distinct from", after.container)
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirst();
    if (before !== undefined && before.grade !== after.grade) regraded.push({ before, after });
  }
  return regraded;
}

/** Each with the newest audit of its place. */
async function withAudits(
  { db }: Backend,
  ports: readonly KeptPort[],
): Promise<readonly AuditedPort[]> {
  if (ports.length === 0) return [];
  const numbers = [...new Set(ports.map(({ port }) => port))];
  const newest = db
    .selectFrom("audit")
    .select((from) => from.fn.max("id").as("id"))
    .where("port", "in", numbers)
    .groupBy(["host", "container", "address", "port"]);
  const audits = await db
    .selectFrom("audit")
    .select(AUDIT_COLUMNS)
    .where("id", "in", newest)
    .execute();
  const byPlace = new Map(audits.map((audit) => [placeOf(audit), audit]));
  return ports.map((port) => ({ port, audit: byPlace.get(placeOf(port)) }));
}

function placeOf(row: {
  readonly host: string;
  readonly container: string | null;
  readonly address: string;
  readonly port: number;
}): string {
  return JSON.stringify([row.host, row.container, row.address, row.port]);
}

/** All but the whole report. */
export const AUDIT_COLUMNS = [
  "id",
  "sequence",
  "host",
  "started_at",
  "target",
  "container",
  "address",
  "port",
  "exepath",
  "reachable",
  "tls",
  "speaks",
  "grade",
  "not_after",
  "findings",
  "error",
] as const;

/** Rows of one answer that is no page. */
const HISTORY_MAX = 500;
