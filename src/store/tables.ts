import type { Generated } from "kysely";

/**
 * The store's tables, the same in SQLite and PostgreSQL. Every `id` is the arrival of its row in
 * epoch microseconds, made unique over all tables: key, order, cursor and border of retention.
 * `sequence` is the engine's number of the news; null of what came another way.
 */
export interface Tables {
  readonly series: SeriesTable;
  readonly alert: AlertTable;
  readonly minute: MinuteTable;
  readonly port: PortTable;
  readonly audit: AuditTable;
  readonly notice: NoticeTable;
  readonly outbox: OutboxTable;
}

/** What alerts have in common: each combination once. */
interface SeriesTable {
  readonly id: Generated<number>;
  /** 0 for the most urgent. */
  readonly priority: number;
  readonly rule: string;
  readonly source: string;
  readonly host: string;
  readonly container: string;
  /** A JSON list, sorted. */
  readonly tags: string;
  /** The id of the silence that they fell under; empty for none. */
  readonly silence: Generated<string>;
}

/** Beside it are its terms, for searching: in SQLite an FTS5 table, in PostgreSQL a column. */
interface AlertTable {
  readonly id: number;
  readonly sequence: number | null;
  readonly series: number;
  /** Of the event: ISO 8601 with nanoseconds, UTC. */
  readonly time: string;
  readonly message: string;
  /** Output fields as a JSON object. */
  readonly fields: string;
  readonly uuid: string;
}

/** How many alerts of a series arrived in a minute since the Unix epoch. */
interface MinuteTable {
  readonly minute: number;
  readonly series: number;
  readonly count: number;
}

/** One opening of a port. */
interface PortTable {
  readonly id: number;
  readonly sequence: number | null;
  readonly host: string;
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  readonly namespace: number;
  readonly container: string | null;
  readonly container_id: string | null;
  readonly exepath: string | null;
  readonly pid: number | null;
  /** When it closed, as an id; null as long as it is open. */
  readonly closed: number | null;
  /** 1: it was open when a watch ended, and nobody has seen it since. */
  readonly unwatched: 0 | 1;
}

/** One audit: what lists show, and the whole report as JSON. */
interface AuditTable {
  readonly id: number;
  readonly sequence: number | null;
  readonly host: string;
  readonly started_at: string;
  readonly target: string;
  readonly container: string | null;
  readonly address: string;
  readonly port: number;
  readonly exepath: string | null;
  readonly reachable: string | null;
  readonly tls: 0 | 1 | null;
  readonly speaks: string | null;
  readonly grade: string | null;
  readonly not_after: string | null;
  /** How many, by severity: a JSON object. */
  readonly findings: string;
  readonly error: string | null;
  readonly report: string;
}

/** A loss, a problem or a note. */
interface NoticeTable {
  readonly id: number;
  readonly sequence: number | null;
  readonly kind: "loss" | "problem" | "note";
  readonly text: string;
  readonly count: number | null;
}

/** Who sends news on, and how far that has come. */
interface OutboxTable {
  readonly output: string;
  /** Whose news; empty for all. */
  readonly host: string;
  /** A JSON list. */
  readonly kinds: string;
  /** Of alerts: the least urgent. */
  readonly priority: number;
  /** Up to this id the other side has answered. */
  readonly position: number;
  /** The newest id when a watch last had it. */
  readonly opened: number;
  /** News behind `position` that were removed, and that nobody was told of. */
  readonly lost: number;
}
