import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "./fair-queue.ts";

const wide = { capacity: 100, capacityOfKey: 50, parallel: 2, parallelOfKey: 2 };

/** Jobs that end when the test says so, and the order in which they began. */
function jobs() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  return {
    begun,
    job: (name: string) => () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    },
    endOne: async () => {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("FairQueue gives keys turns, however many jobs one has", async () => {
  const { begun, job, endOne } = jobs();
  const queue = new FairQueue({ ...wide, parallel: 1 });
  for (let index = 0; index < 20; index += 1) queue.push("flood", job(`flood ${index}`));
  queue.push("quiet", job("quiet"));
  queue.push("other", job("other"));
  for (let index = 0; index < 3; index += 1) await endOne();
  assert.deepEqual(begun, ["flood 0", "flood 1", "quiet", "other"]);
});

test("FairQueue lets one key have no more than its share of what runs", () => {
  const { begun, job } = jobs();
  const queue = new FairQueue({ ...wide, parallel: 4, parallelOfKey: 2 });
  for (let index = 0; index < 4; index += 1) queue.push("a", job(`a${index}`));
  queue.push("b", job("b"));
  assert.deepEqual(begun, ["a0", "a1", "b"]);
});

test("FairQueue refuses and counts what does not fit, by key and in all", () => {
  const { job } = jobs();
  const queue = new FairQueue({ capacity: 3, capacityOfKey: 2, parallel: 0, parallelOfKey: 1 });
  const taken = ["a", "a", "a", "b", "b"].map((key) => queue.push(key, job(key)));
  assert.deepEqual(taken, [true, true, false, true, false]);
  assert.deepEqual([queue.refused, queue.waiting], [2, 3]);
});

test("FairQueue.idle() resolves when all has run; close() says what will not", async () => {
  const { begun, job, endOne } = jobs();
  const queue = new FairQueue(wide);
  for (const name of ["1", "2", "3"]) queue.push("k", job(name));
  let isIdle = false;
  void queue.idle().then(() => (isIdle = true));
  await endOne();
  assert.equal(isIdle, false);
  assert.deepEqual(begun, ["1", "2", "3"]);
  queue.push("k", job("4"));
  assert.equal(queue.close(), 1);
  assert.equal(queue.push("k", job("5")), false);
  await endOne();
  await endOne();
  assert.equal(isIdle, true);
  assert.deepEqual(begun, ["1", "2", "3"]);
});

test("FairQueue gives a key that comes later its turn, and refuses a full one", async () => {
  const queue = new FairQueue({ ...wide, capacityOfKey: 3, parallel: 1 });
  const order: string[] = [];
  const idle = Promise.withResolvers<void>();
  const job = (name: string) => async (): Promise<void> => {
    await Promise.resolve();
    order.push(name);
    if (name === "b1") idle.resolve();
  };
  const taken = ["a0", "a1", "a2", "a3", "a4"].map((name) => queue.push("a", job(name)));
  assert.deepEqual(taken, [true, true, true, true, false]);
  queue.push("b", job("b1"));
  await idle.promise;
  // One of a's ran already, another one's turn comes after b's at the latest.
  assert.deepEqual(order, ["a0", "a1", "b1"]);
  assert.equal(queue.refused, 1);
});

test("FairQueue goes on after a job that fails", async () => {
  const queue = new FairQueue({ ...wide, capacityOfKey: 3, parallel: 1 });
  const done = Promise.withResolvers<string>();
  queue.push("a", async () => Promise.reject(new Error("no")).catch(() => undefined));
  queue.push("a", async () => done.resolve("yes"));
  assert.equal(await done.promise, "yes");
});

test("FairQueue lets a key that has had its turns wait behind one that has not", async () => {
  const { begun, job, endOne } = jobs();
  const queue = new FairQueue({ ...wide, parallel: 1 });
  queue.push("a", job("a1"));
  queue.push("b", job("b1"));
  queue.push("a", job("a2"));
  for (let index = 0; index < 2; index += 1) await endOne();
  assert.deepEqual(begun, ["a1", "b1", "a2"]);
});

test("FairQueue takes a job beyond its key's limit that has a limit of its own", () => {
  const { job } = jobs();
  const queue = new FairQueue({ ...wide, capacityOfKey: 1, parallel: 0 });
  assert.deepEqual(
    [queue.push("k", job("1")), queue.push("k", job("2")), queue.push("k", job("3"), Infinity)],
    [true, false, true],
  );
});
