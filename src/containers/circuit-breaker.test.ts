import assert from "node:assert/strict";
import { test } from "node:test";
import { CircuitBreaker } from "./circuit-breaker.ts";

test("CircuitBreaker asks nobody after three failures, then lets one try", async () => {
  let now = 0;
  let calls = 0;
  const breaker = new CircuitBreaker("x", () => now);
  const ask = (works: boolean): Promise<string> =>
    breaker
      .call(
        async () => {
          calls += 1;
          if (!works) throw new Error("no");
          return "yes";
        },
        (error) => error instanceof RangeError,
      )
      .catch((error: unknown) => (error as Error).message);
  assert.deepEqual([await ask(false), await ask(false), await ask(false)], ["no", "no", "no"]);
  assert.equal(await ask(true), "Cannot ask x: it did not answer lately");
  assert.equal(calls, 3);
  now += 5000;
  const [first, second] = await Promise.all([ask(false), ask(true)]);
  assert.deepEqual([first, second], ["no", "Cannot ask x: it did not answer lately"]);
  now += 5000;
  assert.equal(await ask(true), "yes");
  assert.equal(await ask(true), "yes");
});

test("CircuitBreaker takes an answer that says no for an answer", async () => {
  const breaker = new CircuitBreaker("x", () => 0);
  for (let left = 5; left > 0; left -= 1)
    await assert.rejects(
      breaker.call(
        () => Promise.reject(new RangeError("not found")),
        (error) => error instanceof RangeError,
      ),
    );
  assert.equal(breaker.isOpen, false);
});
