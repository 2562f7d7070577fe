import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Kysely, SqliteDialect } from "kysely";
import { AppError } from "../lib/errors.ts";
import type { Backend, Hit, Hits, NewAlert } from "./backend.ts";
import { migrate } from "./migrate.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { kyselyDatabase } from "./sqlite-dialect.ts";
import { faultOf, storeError } from "./store-fault.ts";
import type { Tables } from "./tables.ts";
import { ftsMatch } from "./term-query.ts";
import { wordsOf } from "./terms.ts";

/** How a SQLite database is opened. */
export interface SqliteOptions {
  /** Its file, in a folder of its own; undefined for one in memory. */
  readonly path: string | undefined;
  /** `full`: what is committed outlives a power failure, too. */
  readonly durability: "normal" | "full";
  readonly onNote: (text: string) => void;
}

/**
 * A database in a file, or in memory. A file that is no database any more is moved aside, with a
 * note. Throws `CONFIG_STORE`, `INPUT_STORE` when it cannot be opened.
 */
export async function openSqlite(options: SqliteOptions): Promise<Backend> {
  const { path } = options;
  try {
    return await tryOpen(options);
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    if (path === undefined || faultOf(thrown) !== "corrupt")
      throw storeError(`open the store "${path ?? "in memory"}"`, thrown);
    moveAside(path, options.onNote);
    return tryOpen(options);
  }
}

/** What is left of a database that cannot be read, beside its place, for whoever can. */
export function moveAside(path: string, onNote: (text: string) => void): void {
  const aside = `${path}.corrupt-${new Date().toISOString().replace(/[^0-9TZ]/g, "")}`;
  for (const ending of ["", "-wal", "-shm"])
    if (statSync(path + ending, { throwIfNoEntry: false }) !== undefined)
      renameSync(path + ending, aside + ending);
  onNote(`The store "${path}" is damaged: it lies at ${aside} now, and a new one begins`);
}

/** Which file a path led to. */
type FileIdentity = Pick<Stats, "dev" | "ino">;

/** Makes it where there is none; SQLite gives its further files the same mode. */
function prepareFile(path: string): FileIdentity {
  makePrivateFolder(dirname(path));
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number | undefined;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o640);
    const stats = fstatSync(fd);
    if (stats.isFile()) return stats;
  } catch (thrown) {
    throw storeError(`open the store "${path}"`, thrown);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  throw new AppError("CONFIG_STORE", `Cannot keep news in "${path}": it is not a file`);
}

async function tryOpen({ path, durability }: SqliteOptions): Promise<Backend> {
  const file = path === undefined ? undefined : prepareFile(path);
  const database = new DatabaseSync(path ?? ":memory:", { timeout: BUSY_MS });
  try {
    if (file !== undefined) requireOpen(file, path);
    refuseForeign(database, path);
    for (const pragma of pragmas(durability)) database.exec(`PRAGMA ${pragma}`);
    const db = new Kysely<Tables>({
      dialect: new SqliteDialect({ database: kyselyDatabase(database) }),
    });
    await migrate(db, "sqlite");
    const backend = new SqliteBackend(database, db, path);
    await backend.setAside();
    return backend;
  } catch (thrown) {
    if (database.isOpen) database.close();
    throw thrown;
  }
}

/** SQLite opens by name: that may have led elsewhere by then, than to the file that was checked. */
function requireOpen({ dev, ino }: FileIdentity, path: string | undefined): void {
  const isOpen = readdirSync("/proc/self/fd").some((fd) => {
    const stats = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    return stats?.ino === ino && stats.dev === dev;
  });
  if (!isOpen)
    throw new AppError("CONFIG_STORE", `Cannot keep news in "${path}": its folder was replaced`);
}

/** A database of another program is left alone. */
function refuseForeign(database: DatabaseSync, path: string | undefined): void {
  const id = database.prepare("PRAGMA application_id").get()?.["application_id"];
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"];
  if (id === APPLICATION_ID || tables === 0) return;
  throw new AppError("CONFIG_STORE", `Cannot keep news in "${path}": it is another program's`, {
    hint: "set store.path",
  });
}

/** `auto_vacuum` is of use only before the first table. */
function pragmas(durability: "normal" | "full"): readonly string[] {
  return [
    "auto_vacuum = INCREMENTAL",
    // Nobody else writes, and no file of shared memory lies beside it.
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    `synchronous = ${durability.toUpperCase()}`,
    `application_id = ${APPLICATION_ID}`,
    `cache_size = -${CACHE_KIB}`,
    `journal_size_limit = ${WAL_BYTES}`,
    "temp_store = MEMORY",
    "trusted_schema = OFF",
  ];
}

class SqliteBackend implements Backend {
  readonly kind: "sqlite" | "memory";
  readonly place: string;
  readonly db: Kysely<Tables>;
  readonly #database: DatabaseSync;
  readonly #reserve: string | undefined;
  readonly #insertAlert: StatementSync;
  readonly #insertTerms: StatementSync;
  readonly #deleteAlert: StatementSync;
  readonly #deleteTerms: StatementSync;
  readonly #hits: Readonly<Record<"asc" | "desc", StatementSync>>;
  readonly #messages: Readonly<Record<"asc" | "desc", StatementSync>>;

  constructor(database: DatabaseSync, db: Kysely<Tables>, path: string | undefined) {
    this.kind = path === undefined ? "memory" : "sqlite";
    this.place = path ?? "in memory";
    this.db = db;
    this.#database = database;
    this.#reserve = path === undefined ? undefined : `${path}-reserve`;
    this.#insertAlert = database.prepare(
      "INSERT INTO alert (id, sequence, series, time, message, fields, uuid) VALUES (?,?,?,?,?,?,?)",
    );
    this.#insertTerms = database.prepare("INSERT INTO alert_terms (rowid, terms) VALUES (?,?)");
    this.#deleteAlert = database.prepare("DELETE FROM alert WHERE id = ?");
    this.#deleteTerms = database.prepare("DELETE FROM alert_terms WHERE rowid = ?");
    const hits = (order: string, columns = "hit.id, alert.series"): StatementSync =>
      database.prepare(
        `SELECT ${columns} FROM (
          SELECT rowid AS id FROM alert_terms
          WHERE alert_terms MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid ${order} LIMIT ?
        ) AS hit JOIN alert ON alert.id = hit.id ORDER BY hit.id ${order}`,
      );
    this.#hits = { asc: hits("ASC"), desc: hits("DESC") };
    const whole = "hit.id, alert.series, alert.message";
    this.#messages = { asc: hits("ASC", whole), desc: hits("DESC", whole) };
  }

  async insertAlerts(_transaction: unknown, alerts: readonly NewAlert[]): Promise<void> {
    for (const { id, sequence, series, time, message, fields, uuid, terms } of alerts) {
      this.#insertAlert.run(id, sequence, series, time, message, fields, uuid);
      this.#insertTerms.run(BigInt(id), `${message} ${terms.join(" ")}`);
    }
  }

  async deleteAlerts(_transaction: unknown, ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      this.#deleteTerms.run(BigInt(id));
      this.#deleteAlert.run(id);
    }
  }

  async hits({ terms, above, below, order, limit }: Hits): Promise<readonly Hit[]> {
    // FTS5 takes integers alone for bounds, and node:sqlite binds numbers as floating point.
    const bounds = [BigInt(above ?? 0), BigInt(below ?? Number.MAX_SAFE_INTEGER)] as const;
    const { prefix } = terms;
    if (prefix !== undefined && limit <= LOOK_ROWS) {
      // FTS5 joins the rows of all words with a beginning before it gives the first one: where there
      // are many, those that are wanted are among the first that it would give without it.
      const match = ftsMatch({ ...terms, prefix: undefined });
      const rows = this.#messages[order].all(match, ...bounds, LOOK_ROWS);
      const found = (rows as unknown as (Hit & { readonly message: string })[]).filter(
        ({ message }) => wordsOf(message).some((word) => word.startsWith(prefix)),
      );
      if (found.length >= limit || rows.length < LOOK_ROWS) return found.slice(0, limit);
    }
    const rows = this.#hits[order].all(ftsMatch(terms), ...bounds, limit);
    return rows as unknown as readonly Hit[];
  }

  async bytes(): Promise<number> {
    const pragma = (name: string): number =>
      Number(this.#database.prepare(`PRAGMA ${name}`).get()?.[name]);
    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  }

  async shrink(): Promise<void> {
    // Terms of alerts that are gone stay in their segments until those are merged.
    this.#database.exec(
      `INSERT INTO alert_terms (alert_terms, rank) VALUES ('merge', ${MERGE_PAGES})`,
    );
    this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  }

  async relieve(): Promise<void> {
    if (this.#reserve === undefined) return;
    rmSync(this.#reserve, { force: true });
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** A full disk has no room for the log of what is removed, either. */
  async setAside(): Promise<void> {
    if (this.#reserve === undefined) return;
    if (statSync(this.#reserve, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return;
    try {
      writeFileSync(this.#reserve, new Uint8Array(RESERVE_BYTES), { mode: 0o640 });
    } catch {
      rmSync(this.#reserve, { force: true });
    }
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

/** Alerts that are looked through for the beginning of a word before the index is asked. */
const LOOK_ROWS = 500;
/** `SKR1`, for file(1) and for us. */
const APPLICATION_ID = 0x53_4b_52_31;
const BUSY_MS = 1000;
const CACHE_KIB = 8192;
const WAL_BYTES = 8 << 20;
/** Twice the log between two checkpoints. */
const RESERVE_BYTES = 8 << 20;
/** Pages of 4 KiB that are given back at once: more of them are seconds on a busy disk. */
const VACUUM_PAGES = 64;
/** Pages of the index that are merged at once. */
const MERGE_PAGES = 16;
