import assert from "node:assert/strict";
import { test } from "node:test";
import { LOSS_REASONS, NO_CUTS, NO_LOSSES } from "../capture/losses.ts";
import type { ProbeCounters } from "../capture/probe-counters.ts";
import { DropWatch, type Loss } from "./drop-watch.ts";

function watching({
  threshold,
  rate,
  before = 0,
}: {
  threshold: number;
  rate: number;
  before?: number;
}) {
  let [seen, ringFull, scratchBusy, time, times] = [before, before, 0, 0, 0];
  const told: Loss[] = [];
  const losses = () => ({ ...NO_LOSSES, ringFull, scratchBusy });
  const counters = (): ProbeCounters => ({
    seen,
    filtered: 0,
    sent: seen,
    dropped: losses(),
    cut: NO_CUTS,
    notices: 0,
    byCode: new Map(),
  });
  const watch = new DropWatch({
    threshold,
    rate,
    counters,
    losses,
    onLost: () => (times += 1),
    onLoss: (loss) => told.push(loss),
    now: () => time,
  });
  const pass = (
    ms: number,
    more: { seen?: number; ringFull?: number; scratchBusy?: number } = {},
  ): void => {
    time += ms;
    seen += more.seen ?? 0;
    ringFull += more.ringFull ?? 0;
    scratchBusy += more.scratchBusy ?? 0;
    watch.check();
  };
  return { pass, told, losses: () => times };
}

const NONE = Object.fromEntries(LOSS_REASONS.map((reason) => [reason, 0]));

test("DropWatch tells of a loss once an interval, with everything since", () => {
  const { pass, told, losses } = watching({ threshold: 0, rate: 0.1 });
  pass(250, { seen: 100 });
  assert.deepEqual([told.length, losses()], [0, 0]);
  pass(250, { seen: 100, ringFull: 5 });
  pass(250, { seen: 100, ringFull: 2, scratchBusy: 1 });
  pass(250, { seen: 100 });
  assert.deepEqual([told, losses()], [[{ ...NONE, events: 5, seen: 200, ringFull: 5 }], 2]);
  pass(10_000, { seen: 100 });
  assert.deepEqual(told[1], { ...NONE, events: 3, seen: 300, ringFull: 2, scratchBusy: 1 });
  pass(10_000, { seen: 100 });
  assert.equal(told.length, 2);
});

test("DropWatch is silent below the threshold, but says that something was lost all the same", () => {
  const { pass, told, losses } = watching({ threshold: 0.1, rate: 1 });
  pass(1000, { seen: 1000, ringFull: 50 });
  assert.deepEqual([told.length, losses()], [0, 1]);
  pass(1000, { seen: 100, ringFull: 50 });
  assert.deepEqual(told, [{ ...NONE, events: 50, seen: 100, ringFull: 50 }]);
});

test("DropWatch tells of what was lost before it looked first", () => {
  const { pass, told, losses } = watching({ threshold: 0, rate: 1, before: 7 });
  pass(250);
  assert.deepEqual([told, losses()], [[{ ...NONE, events: 7, seen: 7, ringFull: 7 }], 1]);
});
