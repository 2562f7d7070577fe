import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import type { News } from "../news/news.ts";
import type { KeptAlert } from "./alert-queries.ts";
import { alertNewsOf, auditNewsOf, portNewsOf } from "./kept-news.ts";
import type { KeptPort } from "./port-queries.ts";
import type { Tables } from "./tables.ts";

/** A piece of news with its row's id. */
export interface OutboxNews {
  readonly id: number;
  readonly news: News;
}

/** Who sends news on. */
export interface OutboxReader {
  /** Told apart from every other, over restarts. */
  readonly output: string;
  readonly kinds: readonly OutboxKind[];
  /** Of alerts: the least urgent that goes there (0 for the most urgent). */
  readonly priority: number;
}

/** Between two ids, both left out. */
export interface Between {
  readonly above: number;
  readonly below: number;
}

/** Where news of a kind stand. What came another way than from a watch has no number. */
interface Source {
  readonly table: "alert" | "audit" | "port";
  readonly columns: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  readonly id: RawBuilder<unknown>;
  /** Who sends it on, by columns of `outbox`. */
  readonly isWanted: RawBuilder<unknown>;
  readonly host: RawBuilder<unknown>;
  readonly newsOf: (row: never) => News;
}

const PORTS = {
  table: "port",
  columns: sql`port.*`,
  from: sql`port`,
  host: sql`port.host`,
} as const;

const SOURCES = {
  alert: {
    table: "alert",
    columns: sql`series.*, alert.*`,
    from: sql`alert inner join series on series.id = alert.series`,
    id: sql`alert.id`,
    isWanted: sql`alert.sequence is not null and series.silence = '' and series.priority <= outbox.priority`,
    host: sql`series.host`,
    newsOf: (row: KeptAlert) => alertNewsOf(row),
  },
  audit: {
    table: "audit",
    columns: sql`audit.*`,
    from: sql`audit`,
    id: sql`audit.id`,
    isWanted: sql`audit.sequence is not null`,
    host: sql`audit.host`,
    newsOf: auditNewsOf,
  },
  "port-opened": {
    ...PORTS,
    id: sql`port.id`,
    isWanted: sql`port.sequence is not null`,
    newsOf: (row: KeptPort) => portNewsOf("port-opened", row),
  },
  "port-closed": {
    ...PORTS,
    id: sql`port.closed`,
    // The end of a watch closes what nobody has seen closing.
    isWanted: sql`port.sequence is not null and port.unwatched = 0`,
    newsOf: (row: KeptPort) => portNewsOf("port-closed", row),
  },
} satisfies Record<string, Source>;

/** News that can be sent on later. */
export type OutboxKind = keyof typeof SOURCES;

/** The first of the news that a reader sends on between two ids, in their order. */
export async function outboxNews(
  db: Kysely<Tables>,
  { output, kinds }: OutboxReader,
  { above, below, limit }: Between & { readonly limit: number },
): Promise<readonly OutboxNews[]> {
  const found: OutboxNews[] = [];
  for (const kind of kinds) {
    const { columns, id, newsOf }: Source = SOURCES[kind];
    const { rows } = await sql<{ readonly outbox_id: number }>`
      select ${columns}, ${id} as outbox_id from ${sentBy(kind)} and output = ${output}
      and ${id} > ${above} and ${id} < ${below} order by ${id} limit ${limit}`.execute(db);
    for (const row of rows) found.push({ id: row.outbox_id, news: newsOf(row as never) });
  }
  return found.toSorted((one, other) => one.id - other.id).slice(0, limit);
}

/** How many they are. */
export async function outboxCount(
  db: Kysely<Tables>,
  { output, kinds }: OutboxReader,
  { above, below }: Between,
): Promise<number> {
  let count = 0;
  for (const kind of kinds) {
    const { id } = SOURCES[kind];
    const { rows } = await sql<{ readonly count: number }>`
      select count(*) as count from ${sentBy(kind)} and output = ${output}
      and ${id} > ${above} and ${id} < ${below}`.execute(db);
    count += rows[0]?.count ?? 0;
  }
  return count;
}

/** Rows that are about to be removed: counted for each reader that has not had them. */
export async function countUnsent(
  transaction: Transaction<Tables>,
  table: Source["table"],
  ids: readonly number[],
): Promise<void> {
  for (const [kind, source] of Object.entries<Source>(SOURCES)) {
    if (source.table !== table || ids.length === 0) continue;
    const own = sql`${sql.ref(table)}.id in (${sql.join(ids)})`;
    await sql`
      update outbox set lost = lost + (
        select count(*) from ${source.from}
        where ${own} and ${source.id} > outbox.position and ${isSent(source)}
      ) where kinds like ${`%"${kind}"%`}`.execute(transaction);
  }
}

/** Of all readers: those of one are chosen by `output`. */
function sentBy(kind: OutboxKind): RawBuilder<unknown> {
  const source: Source = SOURCES[kind];
  return sql`${source.from} cross join outbox where ${isSent(source)}`;
}

function isSent({ isWanted, host }: Source): RawBuilder<unknown> {
  return sql`${isWanted} and (outbox.host = '' or outbox.host = ${host})`;
}
