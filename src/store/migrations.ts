import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Tables } from "./tables.ts";

/** The steps by which the tables came about, in the order of their names; none changes any more. */
export function migrationsFor(kind: "sqlite" | "postgresql"): Record<string, Migration> {
  return {
    "001-first": { up: (db) => first(db as Kysely<Tables>, kind) },
    "002-open-ports": { up: (db) => openPorts(db as Kysely<Tables>) },
    "003-silences": { up: (db) => silences(db as Kysely<Tables>) },
    "004-outbox": { up: (db) => outbox(db as Kysely<Tables>, kind) },
  };
}

/** A port that opens over and over has a long history, which its next opening must not read. */
async function openPorts(db: Kysely<Tables>): Promise<void> {
  await sql`create index port_open on port (port, id) where closed is null`.execute(db);
  await sql`create index port_unwatched on port (port, id) where unwatched = 1`.execute(db);
}

async function silences(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .alterTable("series")
    .addColumn("silence", "text", (column) => column.notNull().defaultTo(""))
    .execute();
}

async function outbox(db: Kysely<Tables>, kind: "sqlite" | "postgresql"): Promise<void> {
  const id = kind === "sqlite" ? "integer" : "bigint";
  await db.schema
    .createTable("outbox")
    .addColumn("output", "text", (column) => column.primaryKey())
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("kinds", "text", (column) => column.notNull())
    .addColumn("priority", "integer", (column) => column.notNull())
    .addColumn("position", id, (column) => column.notNull())
    .addColumn("opened", id, (column) => column.notNull())
    .addColumn("lost", id, (column) => column.notNull())
    .execute();
}

async function first(db: Kysely<Tables>, kind: "sqlite" | "postgresql"): Promise<void> {
  const isSqlite = kind === "sqlite";
  await db.schema
    .createTable("series")
    .addColumn("id", isSqlite ? "integer" : "serial", (column) => column.primaryKey())
    .addColumn("priority", "integer", (column) => column.notNull())
    .addColumn("rule", "text", (column) => column.notNull())
    .addColumn("source", "text", (column) => column.notNull())
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("container", "text", (column) => column.notNull())
    .addColumn("tags", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("series_key").on("series").columns(["rule", "container"]).execute();
  const id = isSqlite ? "integer" : "bigint";
  await db.schema
    .createTable("alert")
    .addColumn("id", id, (column) => column.primaryKey())
    .addColumn("sequence", id)
    .addColumn("series", "integer", (column) => column.notNull())
    .addColumn("time", "text", (column) => column.notNull())
    .addColumn("message", "text", (column) => column.notNull())
    .addColumn("fields", "text", (column) => column.notNull())
    .addColumn("uuid", "text", (column) => column.notNull())
    .execute();
  await terms(db, kind);
  await db.schema
    .createTable("minute")
    .addColumn("minute", "integer", (column) => column.notNull())
    .addColumn("series", "integer", (column) => column.notNull())
    .addColumn("count", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("minute_key", ["minute", "series"])
    .modifyEnd(isSqlite ? sql`without rowid` : sql``)
    .execute();
  await portsAndAudits(db, id);
  await db.schema
    .createTable("notice")
    .addColumn("id", id, (column) => column.primaryKey())
    .addColumn("sequence", id)
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("text", "text", (column) => column.notNull())
    .addColumn("count", id)
    .execute();
}

/** By which alerts are found: words of their message, and hashes of their facts. */
async function terms(db: Kysely<Tables>, kind: "sqlite" | "postgresql"): Promise<void> {
  if (kind === "sqlite") {
    // No positions: nobody asks for phrases, and a term costs a byte or two.
    await sql`create virtual table alert_terms using fts5(
      terms, content = '', contentless_delete = 1, detail = none
    )`.execute(db);
    return;
  }
  await sql`alter table alert add column terms tsvector not null default ''`.execute(db);
  await sql`create index alert_terms on alert using gin (terms)`.execute(db);
}

async function portsAndAudits(db: Kysely<Tables>, id: "integer" | "bigint"): Promise<void> {
  await db.schema
    .createTable("port")
    .addColumn("id", id, (column) => column.primaryKey())
    .addColumn("sequence", id)
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("protocol", "text", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("port", "integer", (column) => column.notNull())
    .addColumn("namespace", id, (column) => column.notNull())
    .addColumn("container", "text")
    .addColumn("container_id", "text")
    .addColumn("exepath", "text")
    .addColumn("pid", "integer")
    .addColumn("closed", id)
    .addColumn("unwatched", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable("audit")
    .addColumn("id", id, (column) => column.primaryKey())
    .addColumn("sequence", id)
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("started_at", "text", (column) => column.notNull())
    .addColumn("target", "text", (column) => column.notNull())
    .addColumn("container", "text")
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("port", "integer", (column) => column.notNull())
    .addColumn("exepath", "text")
    .addColumn("reachable", "text")
    .addColumn("tls", "integer")
    .addColumn("speaks", "text")
    .addColumn("grade", "text")
    .addColumn("not_after", "text")
    .addColumn("findings", "text", (column) => column.notNull())
    .addColumn("error", "text")
    .addColumn("report", "text", (column) => column.notNull())
    .execute();
  // Of both the number comes first: a place's history is found by it.
  await db.schema.createIndex("port_place").on("port").columns(["port", "id"]).execute();
  await db.schema.createIndex("port_closed").on("port").columns(["closed"]).execute();
  await db.schema.createIndex("audit_place").on("audit").columns(["port", "id"]).execute();
}
