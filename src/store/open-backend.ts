import type { Backend } from "./backend.ts";
import { moveAside, openSqlite, type SqliteOptions } from "./sqlite.ts";

/** Which database: a server's by its URL, else a file, else memory. */
export interface BackendOptions extends SqliteOptions {
  /** `postgresql://…`; undefined for SQLite. */
  readonly url: string | undefined;
}

/** Throws `CONFIG_STORE`, `INPUT_STORE`. */
export async function openBackend(options: BackendOptions): Promise<Backend> {
  const { url } = options;
  if (url === undefined) return openSqlite(options);
  const { openPostgresql } = await import("./postgresql.ts");
  return openPostgresql(url);
}

/** The same in place of one that is damaged; what is left of a file lies beside it. */
export async function replaceBackend(options: BackendOptions): Promise<Backend> {
  const { path, url, onNote } = options;
  if (path !== undefined && url === undefined) moveAside(path, onNote);
  return openBackend(options);
}
