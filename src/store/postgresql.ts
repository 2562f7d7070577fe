import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import type { Backend, Hit, Hits, NewAlert } from "./backend.ts";
import { migrate } from "./migrate.ts";
import { storeError } from "./store-fault.ts";
import type { Tables } from "./tables.ts";
import { tsQuery } from "./term-query.ts";
import { wordsOf } from "./terms.ts";

/** A database of a PostgreSQL server, by its URL. Throws `INPUT_STORE` when it cannot be reached. */
export async function openPostgresql(url: string): Promise<Backend> {
  const place = placeOf(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: "saker",
    types: { getTypeParser: parserOf },
  });
  // A connection that ends while nobody uses it: the next one says why.
  pool.on("error", () => undefined);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(db, "postgresql");
  } catch (thrown) {
    await db.destroy();
    throw storeError(`open the store "${place}"`, thrown);
  }
  return new PostgresqlBackend(db, place);
}

/** Without the password. */
function placeOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "PostgreSQL" : `${parsed.host}${parsed.pathname}`;
}

/** Ids and counts are below 2^53: numbers, as SQLite has them. */
function parserOf(type: Parameters<typeof pg.types.getTypeParser>[0]): (text: string) => unknown {
  return type === pg.types.builtins.INT8 || type === pg.types.builtins.NUMERIC
    ? Number
    : pg.types.getTypeParser(type);
}

class PostgresqlBackend implements Backend {
  readonly kind = "postgresql";
  readonly db: Kysely<Tables>;
  readonly place: string;

  constructor(db: Kysely<Tables>, place: string) {
    this.db = db;
    this.place = place;
  }

  async insertAlerts(transaction: Transaction<Tables>, alerts: readonly NewAlert[]): Promise<void> {
    const column = <Name extends keyof NewAlert>(name: Name) => alerts.map((alert) => alert[name]);
    const texts = (values: readonly string[]) => values.map(withoutNul);
    await sql`
      insert into alert (id, sequence, series, time, message, fields, uuid, terms)
      select id, sequence, series, time, message, fields, uuid,
        array_to_tsvector(array(select jsonb_array_elements_text(terms::jsonb)))
      from unnest(
        ${column("id")}::bigint[], ${column("sequence")}::bigint[], ${column("series")}::int[],
        ${texts(column("time"))}::text[], ${texts(column("message"))}::text[],
        ${texts(column("fields"))}::text[], ${texts(column("uuid"))}::text[],
        ${alerts.map(lexemes)}::text[]
      ) as rows (id, sequence, series, time, message, fields, uuid, terms)
    `.execute(transaction);
  }

  async deleteAlerts(transaction: Transaction<Tables>, ids: readonly number[]): Promise<void> {
    await transaction.deleteFrom("alert").where("id", "in", ids).execute();
  }

  async hits({ terms, above, below, order, limit }: Hits): Promise<readonly Hit[]> {
    return this.db
      .selectFrom("alert")
      .select(["id", "series"])
      .where(sql<boolean>`terms @@ ${tsQuery(terms)}::tsquery`)
      .where("id", ">", above ?? 0)
      .where("id", "<", below ?? Number.MAX_SAFE_INTEGER)
      .orderBy("id", order)
      .limit(limit)
      .execute();
  }

  async bytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number }>`
      select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c
      where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
    `.execute(this.db);
    return rows[0]?.bytes ?? 0;
  }

  /** The server's autovacuum does it. */
  async shrink(): Promise<void> {}

  async relieve(): Promise<void> {}

  async setAside(): Promise<void> {}

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

/** Facts, and the words of the message as SQLite's tokenizer finds them: a JSON list. */
function lexemes({ message, terms }: NewAlert): string {
  return JSON.stringify([...new Set([...terms, ...wordsOf(message)])]);
}

/** PostgreSQL's texts have no character 0. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}

const CONNECTIONS_MAX = 4;
const CONNECT_MS = 5000;
