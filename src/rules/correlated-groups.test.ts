import assert from "node:assert/strict";
import { test } from "node:test";
import { CorrelatedGroups } from "./correlated-groups.ts";

const push = (now: number) => (times: number[]) => void times.push(now);

function timesOf(groups: CorrelatedGroups, owner: string, key: string, now: number): number[] {
  let seen: number[] = [];
  groups.change(owner, key, now, (times) => void (seen = [...times]));
  return seen;
}

test("CorrelatedGroups.change() keeps times by owner and key until the time has run out", () => {
  const groups = new CorrelatedGroups({ withinMs: 100, maxBytes: 1 << 20 });
  groups.change("web", "a", 0, push(0));
  groups.change("web", "a", 60, push(60));
  groups.change("db", "a", 60, push(1));
  assert.deepEqual(timesOf(groups, "web", "a", 160), [0, 60]);
  assert.deepEqual(timesOf(groups, "db", "a", 161), []);
  assert.equal(groups.evicted, 0);
});

test("CorrelatedGroups.change() forgets a group without times", () => {
  const groups = new CorrelatedGroups({ withinMs: 100, maxBytes: 1 << 20 });
  groups.change("web", "a", 0, push(0));
  groups.change("web", "a", 1, (times) => void (times.length = 0));
  assert.equal(groups.bytes, 0);
});

test("CorrelatedGroups: who makes up ever new keys pushes out its own", () => {
  const maxBytes = 100_000;
  const groups = new CorrelatedGroups({ withinMs: 1e6, maxBytes });
  groups.change("quiet", "login", 0, push(0));
  for (let index = 0; index < 10_000; index += 1) {
    groups.change("noisy", `key ${index}`, index, push(index));
    assert.ok(groups.bytes <= maxBytes / 4 + 300, `${groups.bytes} bytes`);
  }
  assert.deepEqual(timesOf(groups, "quiet", "login", 10_000), [0]);
  assert.deepEqual(timesOf(groups, "noisy", "key 9999", 10_000), [9999]);
  assert.deepEqual(timesOf(groups, "noisy", "key 0", 10_000), []);
  assert.ok(groups.evicted > 9000);
});

test("CorrelatedGroups: many owners together stay within the whole", () => {
  const maxBytes = 50_000;
  const groups = new CorrelatedGroups({ withinMs: 1e6, maxBytes });
  for (let index = 0; index < 3000; index += 1)
    groups.change(`c${index % 300}`, `key ${index}`, index, push(index));
  assert.ok(groups.bytes <= maxBytes);
  assert.ok(groups.evicted > 0);
});

test("CorrelatedGroups: what ran out goes without being counted", () => {
  const groups = new CorrelatedGroups({ withinMs: 10, maxBytes: 1 << 20 });
  for (let index = 0; index < 1000; index += 1)
    groups.change("web", `key ${index}`, index * 100, push(index));
  assert.ok(groups.bytes < 1000);
  assert.equal(groups.evicted, 0);
});

test("CorrelatedGroups: what containers that are gone have left takes no room", () => {
  const maxBytes = 50_000;
  const groups = new CorrelatedGroups({ withinMs: 100, maxBytes });
  for (let index = 0; index < 3000; index += 1) groups.change(`gone ${index}`, "a", index, push(0));
  assert.ok(groups.bytes < 101 * 300, `${groups.bytes} bytes`);
  for (const key of ["a", "b", "c"]) groups.change("web", key, 3000, push(3000));
  groups.change("db", "a", 3001, push(3001));
  assert.deepEqual(timesOf(groups, "web", "a", 3002), [3000]);
  assert.equal(groups.evicted, 0);
});
