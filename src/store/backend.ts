import type { Kysely, Transaction } from "kysely";
import type { Tables } from "./tables.ts";
import type { TermQuery } from "./term-query.ts";

/** Alerts between two ids, both left out. */
export interface IdRange {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

/** Which alerts are looked for, in which order, and how many at most. */
export interface Hits extends IdRange {
  readonly terms: TermQuery;
  readonly order: "asc" | "desc";
  readonly limit: number;
}

/** An alert that is meant. */
export interface Hit {
  readonly id: number;
  readonly series: number;
}

/** An alert to be kept. */
export interface NewAlert {
  readonly id: number;
  readonly sequence: number | null;
  /** Set once its series has an id. */
  series: number;
  readonly time: string;
  readonly message: string;
  readonly fields: string;
  readonly uuid: string;
  /** Its facts; the words are the message's. */
  readonly terms: readonly string[];
}

/**
 * A database: what is not the same in SQLite and PostgreSQL. All else is asked of `db`, by the same
 * queries. Throws `StoreFault`.
 */
export interface Backend {
  readonly kind: "sqlite" | "postgresql" | "memory";
  /** Its file, or the server's name. */
  readonly place: string;
  readonly db: Kysely<Tables>;
  /** Within a transaction. */
  insertAlerts(transaction: Transaction<Tables>, alerts: readonly NewAlert[]): Promise<void>;
  /** Within a transaction; alerts of these ids, with their terms. */
  deleteAlerts(transaction: Transaction<Tables>, ids: readonly number[]): Promise<void>;
  hits(hits: Hits): Promise<readonly Hit[]>;
  /** Of all tables and indices, without pages that are free. */
  bytes(): Promise<number>;
  /** Gives some of what was deleted back to the file system; briefly. */
  shrink(): Promise<void>;
  /** Gives up the room that was set aside, so that rows can be removed on a full disk. */
  relieve(): Promise<void>;
  /** Sets room aside, as far as there is any. */
  setAside(): Promise<void>;
  close(): Promise<void>;
}
