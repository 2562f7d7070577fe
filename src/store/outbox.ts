import { outboxCount, type OutboxNews, outboxNews, type OutboxReader } from "./outbox-news.ts";
import type { Store } from "./store.ts";

/** Between two pieces of news: behind a row, or behind a piece of this watch. */
export type OutboxPlace = { readonly id: number } | { readonly sequence: number };

/** What is asked for: news behind a place, those of this watch up to `through`. */
export interface OutboxRange {
  /** Undefined: behind what was answered so far. */
  readonly after: OutboxPlace | undefined;
  readonly through: number;
  /** The most that are wanted at once. */
  readonly limit: number;
}

/** News in their order, each with its row's id. */
export interface OutboxPage {
  readonly news: readonly OutboxNews[];
  /** There is nothing further in the range. */
  readonly isEnd: boolean;
  /** How many there were of earlier watches, where the range began behind what was answered. */
  readonly waiting: number;
}

/**
 * The store as the outbox of whoever sends news on: a cursor for each, up to which the other side has
 * answered. Silenced alerts, and news that came another way than from this watch, are not for them.
 */
export class Outbox {
  readonly #store: Store;
  /** Whose news a database of several hosts has; empty where all are ours. */
  readonly #host: string;
  readonly #begun: number;
  readonly #known = new Set<string>();

  /** `begun`: the newest id when the watch began. */
  constructor(store: Store, { host, begun }: { readonly host: string; readonly begun: number }) {
    this.#store = store;
    this.#host = store.backend.kind === "postgresql" ? host : "";
    this.#begun = begun;
  }

  /** A reader that was never there begins behind all that is kept by then. */
  async read(
    reader: OutboxReader,
    { after, through, limit: most }: OutboxRange,
  ): Promise<OutboxPage> {
    const cursor = await this.#cursorOf(reader);
    const above = after === undefined ? cursor : await this.#idOf(after, cursor);
    const below = await this.#firstBehind(through, Math.max(above, this.#begun));
    const { db } = this.#store.backend;
    const limit = Math.min(most, PAGE_ROWS);
    const news = await outboxNews(db, reader, { above, below, limit: limit + 1 });
    const earlier = { above: cursor, below: this.#begun + 1 };
    return {
      news: news.slice(0, limit),
      isEnd: news.length <= limit,
      waiting: after === undefined ? await outboxCount(db, reader, earlier) : 0,
    };
  }

  /** So far the other sides have answered; a cursor never goes back. */
  async move(places: ReadonlyMap<string, OutboxPlace>): Promise<void> {
    const { db } = this.#store.backend;
    for (const [output, place] of places) {
      const cursor = await this.#position(output);
      const position = await this.#idOf(place, cursor);
      if (position <= cursor) continue;
      await db.updateTable("outbox").set({ position }).where("output", "=", output).execute();
    }
  }

  /** News that retention removed before they were answered, by reader, since this was last asked. */
  async takeLost(): Promise<ReadonlyMap<string, number>> {
    const { db } = this.#store.backend;
    if (this.#known.size === 0) return new Map();
    const known = [...this.#known];
    const rows = await db
      .selectFrom("outbox")
      .select(["output", "lost"])
      .where("lost", ">", 0)
      .where("output", "in", known)
      .execute();
    if (rows.length > 0)
      await db.updateTable("outbox").set({ lost: 0 }).where("output", "in", known).execute();
    return new Map(rows.map(({ output, lost }) => [output, lost]));
  }

  /** The store's database is another one: readers begin in it anew. */
  forget(): void {
    this.#known.clear();
  }

  /** Readers that no watch has had since this id are forgotten. */
  async forgetUnused(since: number): Promise<void> {
    await this.#store.backend.db
      .deleteFrom("outbox")
      .where("host", "=", this.#host)
      .where("opened", "<", Math.min(since, this.#begun))
      .execute();
  }

  async #cursorOf({ output, kinds, priority }: OutboxReader): Promise<number> {
    if (this.#known.has(output)) return this.#position(output);
    const { committed: newest, backend } = this.#store;
    const row = { kinds: JSON.stringify(kinds), priority, opened: newest };
    await backend.db
      .insertInto("outbox")
      .values({ ...row, output, host: this.#host, position: newest, lost: 0 })
      .onConflict((conflict) => conflict.column("output").doUpdateSet(row))
      .execute();
    this.#known.add(output);
    return this.#position(output);
  }

  async #position(output: string): Promise<number> {
    const row = await this.#store.backend.db
      .selectFrom("outbox")
      .select("position")
      .where("output", "=", output)
      .executeTakeFirst();
    return row?.position ?? this.#store.committed;
  }

  async #idOf(place: OutboxPlace, cursor: number): Promise<number> {
    if ("id" in place) return place.id;
    return (await this.#firstBehind(place.sequence, Math.max(cursor, this.#begun))) - 1;
  }

  /** The first id of this watch whose news come behind a number; behind all when there is none. */
  async #firstBehind(sequence: number, above: number): Promise<number> {
    let first = this.#store.committed + 1;
    for (const table of ["alert", "audit", "notice", "port"] as const) {
      const row = await this.#store.backend.db
        .selectFrom(table)
        .select("id")
        .where("id", ">", above)
        .where("sequence", ">", sequence)
        .orderBy("id", "asc")
        .limit(1)
        .executeTakeFirst();
      first = Math.min(first, row?.id ?? first);
    }
    return first;
  }
}

/** News that go over to whoever reads at once. */
const PAGE_ROWS = 500;
