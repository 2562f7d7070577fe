import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RetryQueue } from "./retry-queue.ts";

const OPTIONS = { parallel: 2, capacity: 100, share: 100, patienceMs: 60_000 };

test("RetryQueue tries a task until it is done", async () => {
  const queue = new RetryQueue(OPTIONS);
  const seen: boolean[] = [];
  queue.push({
    key: "a",
    owner: "o",
    attempt: async (isLast) => (seen.push(isLast) < 4 ? "again" : "done"),
  });
  await queue.idle();
  assert.deepEqual(seen, [false, false, false, false]);
});

test("RetryQueue gives a task one last attempt when its time is over", async () => {
  const queue = new RetryQueue({ ...OPTIONS, patienceMs: 100 });
  const seen: boolean[] = [];
  queue.push({
    key: "a",
    owner: "o",
    attempt: async (isLast) => {
      seen.push(isLast);
      return "again";
    },
  });
  await queue.idle();
  assert.equal(seen.at(-1), true);
  assert.equal(seen.filter(Boolean).length, 1);
});

test("RetryQueue.push() takes tasks of one key as one, with an attempt after the latest", async () => {
  const queue = new RetryQueue(OPTIONS);
  const open = Promise.withResolvers<void>();
  let attempts = 0;
  const task = {
    key: "a",
    owner: "o",
    attempt: async () => {
      attempts += 1;
      await open.promise;
      return "done" as const;
    },
  };
  for (let index = 0; index < 10_000; index += 1) assert.ok(queue.push(task));
  open.resolve();
  await queue.idle();
  assert.equal(attempts, 2);
  assert.equal(queue.dropped, 0);
});

test("RetryQueue runs a bounded number at once, and one that waits keeps none from running", async () => {
  const queue = new RetryQueue(OPTIONS);
  let [running, most, done] = [0, 0, 0];
  for (let index = 0; index < 50; index += 1) {
    queue.push({
      key: String(index),
      owner: "o",
      attempt: async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(1);
        running -= 1;
        if (index < 25 && done < 25) return "again";
        done += 1;
        return "done";
      },
    });
  }
  await queue.idle();
  assert.deepEqual([most, done], [2, 50]);
});

test("RetryQueue refuses and counts what is beyond its capacity or an owner's share", async () => {
  const queue = new RetryQueue({ ...OPTIONS, capacity: 5, share: 3 });
  const push = (key: string, owner: string): boolean =>
    queue.push({ key, owner, attempt: async () => "done" });
  const taken = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map((key) => push(key, key.charAt(0)));
  assert.deepEqual(taken, [true, true, true, false, true, true, false]);
  assert.equal(queue.dropped, 2);
  await queue.idle();
  assert.ok(push("a5", "a"));
  await queue.idle();
});

test("RetryQueue.close() ends what waits", async () => {
  const queue = new RetryQueue(OPTIONS);
  let attempts = 0;
  queue.push({
    key: "a",
    owner: "o",
    attempt: async () => {
      attempts += 1;
      return "again";
    },
  });
  await sleep(5);
  queue.close();
  await queue.idle();
  const before = attempts;
  await sleep(100);
  assert.equal(attempts, before);
  assert.equal(queue.push({ key: "b", owner: "o", attempt: async () => "done" }), false);
});
