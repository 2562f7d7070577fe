import assert from "node:assert/strict";
import { test } from "node:test";
import { NOBODY, ProcessTable } from "../state/process-table.ts";
import { ProcessRefresh, TICK_MS } from "./process-refresh.ts";

/** A table of so many processes, each of which takes half a millisecond to be looked at. */
function refreshOf(processes: number) {
  let [at, looks] = [0, 0];
  const table = new ProcessTable({
    capacity: processes,
    find: (pid) => ((looks += 1), (at += 0.5), { ...NOBODY, pid }),
  });
  for (let pid = 1; pid <= processes; pid += 1) table.set({ ...NOBODY, pid });
  const refresh = new ProcessRefresh({ table, now: () => at });
  const tick = (): number => {
    const before = looks;
    refresh.tick();
    at += TICK_MS;
    return looks - before;
  };
  return { refresh, tick, table, marks: () => looks / processes, pass: (ms: number) => (at += ms) };
}

test("ProcessRefresh.tick() looks at a few processes at a time until all were looked at", () => {
  const { refresh, tick, table } = refreshOf(20);
  assert.equal(tick(), 0);
  refresh.lost();
  assert.deepEqual([tick(), tick(), tick(), tick(), tick()], [6, 6, 6, 2, 0]);
  assert.equal(table.stale, 0);
});

test("ProcessRefresh.tick() says whether there is more to look at", () => {
  const { refresh } = refreshOf(10);
  assert.equal(refresh.tick(), false);
  refresh.lost();
  assert.deepEqual([refresh.tick(), refresh.tick()], [true, false]);
  refresh.lost();
  assert.equal(refresh.tick(), true, "they are looked at later, since they were just now");
});

test("ProcessRefresh looks ever more seldom while events go on being lost, and soon after a rest", () => {
  const { refresh, tick, marks, pass } = refreshOf(2);
  for (let ms = 0; ms < 60_000; ms += TICK_MS) {
    refresh.lost();
    tick();
  }
  assert.ok(marks() >= 5 && marks() <= 10, `${marks()} times in a minute`);
  const before = marks();
  pass(120_000);
  tick();
  refresh.lost();
  tick();
  assert.ok(marks() > before);
});
