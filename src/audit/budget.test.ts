import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { budget } from "./budget.ts";
import { afterReading } from "./deadline.ts";

const never = new AbortController().signal;

/** Resolves once a signal is aborted; hangs the test where it never is. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

test("budget() is spent when nothing was answered for so long", async (t) => {
  const limit = budget({ stallMs: 50, totalMs: 3_600_000 }, never);
  t.after(() => limit.end());
  await aborted(limit.signal);
});

test("budget() is not spent while answers come, and then in all", async (t) => {
  const start = performance.now();
  const limit = budget({ stallMs: 3_600_000, totalMs: 300 }, never);
  t.after(() => limit.end());
  while (!limit.signal.aborted) {
    limit.progress();
    await sleep(20);
  }
  assert.ok(performance.now() - start >= 299);
});

test("budget() counts the wait for an answer from the one before", async (t) => {
  const start = performance.now();
  const limit = budget({ stallMs: 200, totalMs: 3_600_000 }, never);
  t.after(() => limit.end());
  await sleep(150);
  limit.progress();
  await aborted(limit.signal);
  assert.ok(performance.now() - start >= 349);
});

test("budget() is over with its parent", async (t) => {
  const parent = new AbortController();
  const limit = budget({ stallMs: 3_600_000, totalMs: 3_600_000 }, parent.signal);
  t.after(() => limit.end());
  parent.abort();
  await aborted(limit.signal);
});

test("afterReading() lets what has arrived be read first, however late its turn comes", async () => {
  const { port1, port2 } = new MessageChannel();
  const order: string[] = [];
  port2.on("message", () => order.push("read"));
  await new Promise<void>((resolve) => {
    afterReading(10, () => {
      order.push("late");
      resolve();
    });
    port1.postMessage("it came in time");
    // The process gets no turn until long after both.
    const until = performance.now() + 60;
    while (performance.now() < until);
  });
  port1.close();
  assert.deepEqual(order, ["read", "late"]);
});

test("afterReading() can be taken back", async () => {
  afterReading(1, () => assert.fail("it was taken back"))();
  await sleep(20);
});
