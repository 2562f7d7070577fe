import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LineQueue } from "./line-queue.ts";

test("LineQueue.push() drops the oldest of the source that has most, and nobody else's", () => {
  const queue = new LineQueue({ lines: 4, bytes: 1000 });
  queue.push("quiet", { source: "web" });
  const dropped = ["1", "2", "3", "4", "5"].map((text) => queue.push(text, { source: "flood" }));
  assert.deepEqual(dropped, [0, 0, 0, 1, 1]);
  assert.deepEqual(queue.take({ lines: 9, bytes: 999 }), ["quiet", "3", "4", "5"]);
  assert.equal(queue.push("taken lines are kept", { source: "web" }), 1);
  queue.settle(4);
  assert.equal(queue.push("x".repeat(1001), { source: "web" }), 1);
  assert.equal(queue.length, 0);
});

test("LineQueue keeps order and bounds, and counts each line once", () => {
  const step = fc.record({ source: fc.constantFrom("a", "b", "c"), take: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new LineQueue({ lines: 8, bytes: 1000 });
      let [dropped, last] = [0, -1];
      let taken = 0;
      for (const [number, { source, take }] of steps.entries()) {
        dropped += queue.push(String(number), { source });
        assert.ok(queue.length <= 8);
        if (take === 0) continue;
        const lines = queue.take({ lines: take, bytes: 1000 }).map(Number);
        assert.deepEqual(
          lines,
          lines.toSorted((a, b) => a - b),
        );
        assert.ok((lines[0] ?? 0) > last);
        last = lines.at(-1) ?? last;
        taken += lines.length;
        queue.settle(lines.length);
      }
      assert.equal(taken + dropped + queue.clear().unkept, steps.length);
    }),
  );
});

test("LineQueue stays small however much was dropped from its middle", () => {
  const queue = new LineQueue({ lines: 100, bytes: 1e6 });
  queue.push("first", { source: "quiet" });
  for (let number = 0; number < 50_000; number += 1)
    queue.push(String(number), { source: "flood" });
  const [first, second] = queue.take({ lines: 2, bytes: 1e6 });
  assert.deepEqual([first, second, queue.length], ["first", "49901", 100]);
});
