import assert from "node:assert/strict";
import { test } from "node:test";
import { event } from "../../test/fixtures/records.ts";
import { EventRing } from "./event-ring.ts";
import { eachKept } from "./kept-events.ts";

const at = (ms: number, path = "/x") =>
  event("chdir", { res: 0, path }, { timestamp: BigInt(ms) * 1_000_000n });

function drained(ring: EventRing): number[] {
  const times: number[] = [];
  eachKept(ring.take(), (one) => times.push(Number(one.timestamp / 1_000_000n)));
  return times;
}

test("EventRing hands over what is young enough, in order, once", () => {
  const ring = new EventRing({ bytes: 1 << 20, keepMs: 1000 });
  for (const ms of [10_000, 12_000, 12_500])
    for (let index = 0; index < 64; index += 1) ring.keep(at(ms + index));
  const times = drained(ring);
  assert.deepEqual([times.length, times[0], times.at(-1)], [128, 12_000, 12_563]);
  assert.deepEqual(drained(ring), []);
});

test("EventRing is bounded in bytes, and says when that cut the time", () => {
  const ring = new EventRing({ bytes: 1 << 20, keepMs: 60_000 });
  const path = `/${"x".repeat(1000)}`;
  for (let index = 0; index < 5000; index += 1) ring.keep(at(10_000 + index, path));
  assert.ok(ring.bytes <= 1 << 20, String(ring.bytes));
  const kept = ring.take();
  assert.ok(kept.isCut);
  const times: number[] = [];
  eachKept(kept, (one) => times.push(Number(one.timestamp / 1_000_000n)));
  assert.ok(times.length < 1100, String(times.length));
  assert.equal(times.at(-1), 14_999);
  assert.ok(times.every((time, index) => index === 0 || time === (times[index - 1] ?? 0) + 1));
});

test("EventRing keeps an event that is larger than a chunk", () => {
  const ring = new EventRing({ bytes: 4 << 20, keepMs: 1000 });
  ring.keep(event("container", { json: "x".repeat(700_000) }));
  ring.keep(at(1_700_000_000_000));
  assert.equal(drained(ring).length, 2);
});
