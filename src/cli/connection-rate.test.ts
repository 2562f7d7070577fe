import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionRate } from "./connection-rate.ts";

const never = new AbortController().signal;

test("ConnectionRate lets no more begin than it should, however many ask at once", async () => {
  const rate = new ConnectionRate(100);
  const start = performance.now();
  await Promise.all(Array.from({ length: 21 }, () => rate.turn(never)));
  assert.ok(performance.now() - start >= 195, "20 pauses of 10 ms");
});

test("ConnectionRate without a limit waits for nothing", async () => {
  const rate = new ConnectionRate(Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < 1000; turn += 1) await rate.turn(never);
});

test("ConnectionRate ends a wait that is not needed any more", async () => {
  const rate = new ConnectionRate(0.001);
  await rate.turn(never);
  await assert.rejects(rate.turn(AbortSignal.timeout(20)), { name: "AbortError" });
});
