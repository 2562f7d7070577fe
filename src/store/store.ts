import { sql, type Transaction } from "kysely";
import { assertNever } from "../lib/assert-never.ts";
import type { News } from "../news/news.ts";
import type { Backend, NewAlert } from "./backend.ts";
import { keepPort } from "./keep-port.ts";
import type { Follower, Kept } from "./kept.ts";
import { alertRow, auditRow, noticeRow, rowStamp, seriesOf } from "./news-rows.ts";
import { minuteOf, RowClock } from "./row-clock.ts";
import { SeriesIds } from "./series.ts";
import type { Tables } from "./tables.ts";

/** What is kept of the news. One writer: whoever appends waits for the append before. */
export class Store {
  #backend: Backend;
  readonly #clock: RowClock;
  readonly #series = new SeriesIds();
  readonly #followers = new Set<Follower>();
  #unreadable = 0;
  #sequence = 0;
  #committed: number;

  constructor(backend: Backend, clock: RowClock) {
    this.#backend = backend;
    this.#clock = clock;
    this.#committed = clock.last;
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** Of the last piece of news that was committed; 0 for none. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Pieces of news that could not be made rows. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** The newest id that was handed out. */
  get newest(): number {
    return this.#clock.last;
  }

  /** The newest id whose row, and those of all before it, can be read. */
  get committed(): number {
    return this.#committed;
  }

  /** Until the function that it returns is called. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /**
   * Keeps news, all or none: when it resolves they are committed. Rejects with the database's error
   * (`faultOf` says which).
   */
  async append(news: readonly News[]): Promise<void> {
    const { db } = this.#backend;
    let kept: Kept[];
    try {
      kept = await db.transaction().execute((transaction) => this.#write(transaction, news));
    } catch (thrown) {
      // Series that were made meanwhile are gone with the rest.
      this.#series.forget();
      throw thrown;
    }
    this.#committed = this.#clock.last;
    this.#sequence = news.at(-1)?.sequence ?? this.#sequence;
    for (const follower of this.#followers) follower(kept);
  }

  /** What was open when the last watch ended is closed until it is seen again. */
  async beginWatch(host: string): Promise<void> {
    await this.#backend.db
      .updateTable("port")
      .set({ closed: this.#clock.next(), unwatched: 1 })
      .where("host", "=", host)
      .where("closed", "is", null)
      .execute();
  }

  /** Series may have been removed behind its back. */
  forgetSeries(): void {
    this.#series.forget();
  }

  /** Goes on with another database in place of a damaged one. */
  async reopen(open: () => Promise<Backend>): Promise<void> {
    await this.#backend.close().catch(() => undefined);
    this.#series.forget();
    this.#backend = await open();
  }

  async close(): Promise<void> {
    await this.#backend.close();
  }

  async #write(transaction: Transaction<Tables>, news: readonly News[]): Promise<Kept[]> {
    const alerts: NewAlert[] = [];
    const kept: Kept[] = [];
    for (const piece of news) {
      const one = await this.#keep(transaction, piece, alerts);
      if (one !== undefined) kept.push(one);
    }
    if (alerts.length > 0) {
      await this.#backend.insertAlerts(transaction, alerts);
      await countMinutes(transaction, alerts);
    }
    return kept;
  }

  async #keep(
    transaction: Transaction<Tables>,
    news: News,
    alerts: NewAlert[],
  ): Promise<Kept | undefined> {
    const stamp = rowStamp(news, this.#clock.next());
    const { id } = stamp;
    switch (news.kind) {
      case "alert": {
        const series = seriesOf(news);
        const row = this.#readable(() => alertRow(stamp, news, 0));
        if (row === undefined) return undefined;
        row.series = await this.#series.idOf(transaction, series);
        alerts.push(row);
        return { id, kind: "alert", alert: { row, series } };
      }
      case "port-opened":
      case "port-closed":
        return keepPort(transaction, { stamp, kind: news.kind, port: news.port });
      case "audit": {
        const row = this.#readable(() => auditRow(stamp, news.report));
        if (row === undefined) return undefined;
        await transaction.insertInto("audit").values(row).execute();
        return { id, kind: "audit" };
      }
      case "loss":
      case "problem":
      case "note":
        await transaction.insertInto("notice").values(noticeRow(stamp, news)).execute();
        return { id, kind: "notice" };
      default:
        return assertNever(news);
    }
  }

  /** One piece that cannot be written as JSON must not take its batch with it. */
  #readable<Row>(make: () => Row): Row | undefined {
    try {
      return make();
    } catch {
      this.#unreadable += 1;
      return undefined;
    }
  }
}

/** Opens what `backend` holds: ids go on behind its newest. `now`: epoch milliseconds. */
export async function storeOf(backend: Backend, now: () => number): Promise<Store> {
  const tables = ["alert", "port", "audit", "notice"] as const;
  let last = 0;
  for (const table of tables) {
    const { newest } = await backend.db
      .selectFrom(table)
      .select((from) => from.fn.max("id").as("newest"))
      .executeTakeFirstOrThrow();
    last = Math.max(last, newest ?? 0);
  }
  const { position } = await backend.db
    .selectFrom("outbox")
    .select((from) => from.fn.max("position").as("position"))
    .executeTakeFirstOrThrow();
  const { closed } = await backend.db
    .selectFrom("port")
    .select((from) => from.fn.max("closed").as("closed"))
    .executeTakeFirstOrThrow();
  return new Store(backend, new RowClock(now, Math.max(last, closed ?? 0, position ?? 0)));
}

async function countMinutes(
  transaction: Transaction<Tables>,
  alerts: readonly NewAlert[],
): Promise<void> {
  const counts = new Map<string, { minute: number; series: number; count: number }>();
  for (const { id, series } of alerts) {
    const minute = minuteOf(id);
    const key = `${minute} ${series}`;
    const row = counts.get(key);
    if (row === undefined) counts.set(key, { minute, series, count: 1 });
    else row.count += 1;
  }
  await transaction
    .insertInto("minute")
    .values([...counts.values()])
    .onConflict((conflict) =>
      conflict
        .columns(["minute", "series"])
        .doUpdateSet({ count: sql<number>`minute.count + excluded.count` }),
    )
    .execute();
}
