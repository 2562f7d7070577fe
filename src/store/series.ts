import type { Kysely, Selectable } from "kysely";
import type { Tables } from "./tables.ts";

/** What alerts have in common. */
export type Series = Omit<Selectable<Tables["series"]>, "id">;

/** The ids of series; those that were asked for lately are known without asking. */
export class SeriesIds {
  readonly #ids = new Map<string, number>();

  /** Makes the series where there is none. */
  async idOf(db: Kysely<Tables>, series: Series): Promise<number> {
    const key = JSON.stringify(series);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = (await find(db, series)) ?? (await insert(db, series));
    if (this.#ids.size >= KNOWN_MAX) this.#ids.clear();
    this.#ids.set(key, id);
    return id;
  }

  /** What was made since may not be there: a transaction was taken back, or series were removed. */
  forget(): void {
    this.#ids.clear();
  }
}

async function find(db: Kysely<Tables>, series: Series): Promise<number | undefined> {
  const found = await db
    .selectFrom("series")
    .select("id")
    .where((where) => where.and(series))
    .executeTakeFirst();
  return found?.id;
}

async function insert(db: Kysely<Tables>, series: Series): Promise<number> {
  const made = await db
    .insertInto("series")
    .values(series)
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

const KNOWN_MAX = 10_000;
