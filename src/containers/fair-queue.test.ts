import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "./fair-queue.ts";

test("FairQueue lets askers take turns, runs a bounded number at once, refuses a full line", async () => {
  const queue = new FairQueue({ atOnce: 1, perAsker: 3 });
  const order: string[] = [];
  const idle = Promise.withResolvers<void>();
  const job = (name: string) => async (): Promise<void> => {
    await Promise.resolve();
    order.push(name);
    if (name === "b1") idle.resolve();
  };
  const taken = ["a0", "a1", "a2", "a3", "a4"].map((name) => queue.add("a", job(name)));
  assert.deepEqual(taken, [true, true, true, true, false]);
  queue.add("b", job("b1"));
  await idle.promise;
  // One of a's ran already, another one's turn comes after b's at the latest.
  assert.deepEqual(order, ["a0", "a1", "b1"]);
  assert.equal(queue.refused, 1);
});

test("FairQueue goes on after a job that fails", async () => {
  const queue = new FairQueue({ atOnce: 1, perAsker: 3 });
  const done = Promise.withResolvers<string>();
  queue.add("a", async () => Promise.reject(new Error("no")).catch(() => undefined));
  queue.add("a", async () => done.resolve("yes"));
  assert.equal(await done.promise, "yes");
});
