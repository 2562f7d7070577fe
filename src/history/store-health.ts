import type { Keeper } from "../store/keeper.ts";
import type { Store } from "../store/store.ts";
import type { StoreHealth } from "../web/schemas/health.ts";
import type { StoreSettings } from "./messages.ts";

/** What the store holds and lost. */
export async function storeHealth({
  store,
  settings,
  keeper,
  dropped,
}: {
  readonly store: Store;
  readonly settings: StoreSettings;
  readonly keeper: Keeper;
  readonly dropped: () => number;
}): Promise<StoreHealth> {
  const { backend } = store;
  const counts = keeper.counts();
  const before = dropped();
  const { alerts } = await backend.db
    .selectFrom("minute")
    .select((from) => from.fn.sum<number | null>("count").as("alerts"))
    .executeTakeFirstOrThrow();
  const ends = await backend.db
    .selectFrom("alert")
    .select((from) => [from.fn.min("id").as("since"), from.fn.max("id").as("newest")])
    .executeTakeFirstOrThrow();
  return {
    kind: backend.kind,
    place: backend.place,
    bytes: await backend.bytes(),
    alerts: alerts ?? 0,
    since: ends.since ?? null,
    newest: ends.newest ?? null,
    sequence: store.sequence,
    waiting: counts.waiting,
    dropped: { ...counts.dropped, ...(before > 0 ? { "the thread is too slow": before } : {}) },
    retention: { days: settings.days, megabytes: settings.megabytes, removed: counts.removed },
    problem: counts.problem ?? null,
  };
}
