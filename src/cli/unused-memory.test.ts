import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseUnusedMemory } from "./unused-memory.ts";

test("releaseUnusedMemory() holds up no thread that has much to do", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let utilization = 0.5;
  t.mock.method(performance, "eventLoopUtilization", () => ({ idle: 0, active: 0, utilization }));
  let collected = 0;
  const before = globalThis.gc;
  t.after(() => (globalThis.gc = before));
  globalThis.gc = Object.assign(() => void (collected += 1), {}) as NonNullable<typeof before>;
  const pass = (seconds: number): number => {
    for (let second = 0; second < seconds; second += 1) t.mock.timers.tick(1000);
    return collected;
  };
  releaseUnusedMemory();
  assert.equal(pass(60), 0);
  utilization = 0.07;
  assert.equal(pass(2), 1, "what the start took");
  assert.equal(pass(60), 1);
});
