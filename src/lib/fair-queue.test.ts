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
