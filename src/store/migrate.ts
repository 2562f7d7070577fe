import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { migrationsFor } from "./migrations.ts";
import type { Tables } from "./tables.ts";

/** Brings the tables to today's shape. Throws the database's error, and when they are newer. */
export async function migrate(db: Kysely<Tables>, kind: "sqlite" | "postgresql"): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrationsFor(kind) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
