import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { SqliteDatabase, SqliteStatement } from "kysely";

/** node:sqlite as Kysely's SqliteDialect wants it; statements are prepared once each. */
export function kyselyDatabase(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    if (statements.size >= STATEMENTS_MAX) statements.clear();
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  // A full disk ends a transaction by itself; the error to be seen is the one before.
  const isTakenBack = (sql: string): boolean => sql === "rollback" && !database.isTransaction;
  return {
    close: () => database.close(),
    prepare: (sql): SqliteStatement => {
      const statement = prepared(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters) =>
          isTakenBack(sql) ? NO_CHANGES : statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters) =>
          statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
    },
  };
}

const NO_CHANGES = { changes: 0, lastInsertRowid: 0 };

/** Filters with other numbers of values are other statements. */
const STATEMENTS_MAX = 256;
