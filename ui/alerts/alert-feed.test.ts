import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { AlertFeed } from "./alert-feed.ts";

const alert = (id: number): StoredAlert => ({ id }) as StoredAlert;

/** Answers each request in turn with these alerts, once `answered` resolves. */
function serve(pages: readonly (readonly number[])[], answered = Promise.resolve()) {
  let turn = 0;
  return mock.method(globalThis, "fetch", async () => {
    const alerts = (pages[turn] ?? []).map(alert);
    turn += 1;
    await answered;
    return Response.json({ alerts, older: null });
  });
}

const ids = (feed: AlertFeed): readonly number[] => feed.rows.value.map(({ id }) => id);
/** More than a burst takes. */
const settled = (): Promise<void> => sleep(400);

test("an alert that the stream and a catch-up both tell of stands once, in its place", async (t) => {
  const fetching = serve([[1], [3, 2]]);
  t.after(() => fetching.mock.restore());
  const feed = new AlertFeed("");
  t.after(() => feed.close());
  const caughtUp = feed.catchUp();
  feed.arrive(alert(3));
  await caughtUp;
  feed.arrive(alert(4));
  await settled();
  assert.deepEqual(ids(feed), [4, 3, 2, 1]);
});

test("an alert that comes in while the first page is on its way stays", async (t) => {
  const answer = Promise.withResolvers<void>();
  const fetching = serve([[2, 1]], answer.promise);
  t.after(() => fetching.mock.restore());
  const feed = new AlertFeed("");
  t.after(() => feed.close());
  feed.arrive(alert(3));
  await settled();
  assert.deepEqual(ids(feed), [3]);
  answer.resolve();
  await settled();
  assert.deepEqual(ids(feed), [3, 2, 1]);
});
