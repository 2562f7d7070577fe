import assert from "node:assert/strict";
import { test } from "node:test";
import type { Priority } from "../rules/priority.ts";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { type Answer, type Destination, everyAlert } from "./destination.ts";
import type { Rate } from "./digest.ts";
import type { Outbox, OutboxPlace } from "./outbox.ts";
import { linesLost } from "./output.ts";

type Answering = (lines: readonly string[], signal: AbortSignal) => Answer | Promise<Answer>;

/** A delivery to whatever a test answers; lines are the alerts' rules. */
function deliveryTo(
  answer: Answering,
  options: Partial<ConstructorParameters<typeof Delivery>[1]> = {},
) {
  const [problems, notes]: [string[], string[]] = [[], []];
  const destination: Destination = {
    name: "test",
    target: "the test",
    batch: { lines: 3, bytes: 100 },
    format: (news) => {
      if (news.kind !== "alert") return undefined;
      if (news.alert.rule === "unprintable") throw new Error("no words for it");
      return news.alert.rule;
    },
    deliver: async (lines, signal) => answer(lines, signal),
    close: () => Promise.resolve(),
  };
  const delivery = new Delivery(destination, {
    firstPauseMs: 1,
    onProblem: (text) => problems.push(text),
    onNote: (text) => notes.push(text),
    ...options,
  });
  const take = (...rules: readonly string[]): void => {
    for (const rule of rules) delivery.take(alertNews({ rule }));
  };
  return { delivery, problems, notes, take };
}

const EMPTY = { delivered: 0, waiting: 0, duplicates: 0, digested: 0, refused: {}, dropped: {} };

test("Delivery.take() gathers batches in order, within the destination's limits", async () => {
  const batches: (readonly string[])[] = [];
  const { delivery, problems, take } = deliveryTo((lines) => {
    batches.push(lines);
    return { delivered: lines.length };
  });
  take("a", "b", "c", "d", "x".repeat(99), "e");
  delivery.take({ kind: "note", text: "not for it", sequence: 1, time: 0n, host: "h" });
  assert.deepEqual(await delivery.close(), { ...EMPTY, delivered: 6 });
  assert.deepEqual(batches, [["a", "b", "c"], ["d", "x".repeat(99)], ["e"]]);
  assert.deepEqual(problems, []);
});

test("Delivery tries again what was not taken, reports that once, and when it works again", async () => {
  const seen: string[] = [];
  let failures = 3;
  const { delivery, problems, notes, take } = deliveryTo((lines) => {
    if (failures > 0) {
      failures -= 1;
      seen.push(...lines.slice(0, failures === 1 ? 1 : 0));
      return { delivered: failures === 1 ? 1 : 0, reason: "out of order" };
    }
    seen.push(...lines);
    return { delivered: lines.length };
  });
  take("a", "b", "c", "d");
  await until("all is delivered", () => delivery.counts().delivered === 4);
  assert.deepEqual(seen, ["a", "b", "c", "d"]);
  assert.deepEqual(problems, [
    "Cannot write to the test: out of order; alerts wait, 10000 at the most",
  ]);
  assert.deepEqual(notes, ["Writing to the test works again"]);
  await delivery.close();
});

test("Delivery counts what is refused by reason and goes on behind it", async () => {
  const { delivery, problems, take } = deliveryTo((lines) =>
    lines[0] === "bad"
      ? { delivered: 0, refused: 1, reason: "too bad" }
      : { delivered: Math.max(1, lines.indexOf("bad")) },
  );
  take("a", "bad", "b", "bad", "unprintable", "c");
  await until("all is settled", () => delivery.counts().waiting === 0);
  assert.deepEqual(await delivery.close(), {
    ...EMPTY,
    delivered: 3,
    refused: { "too bad": 2, "no words for it": 1 },
  });
  assert.equal(problems.length, 2);
});

test("Delivery counts a thousand different reasons as twenty and others", async () => {
  let calls = 0;
  const { delivery, problems, take } = deliveryTo(() => ({
    delivered: 0,
    refused: 1,
    reason: `answer ${(calls += 1)}`,
  }));
  for (let index = 0; index < 1000; index += 1) take("a");
  const counts = await delivery.close(60_000);
  assert.equal(Object.keys(counts.refused).length, 21);
  assert.equal(counts.refused["other reasons"], 980);
  assert.equal(problems.length, 20);
});

test("Delivery.take() drops the oldest of a full queue, in lines and in bytes, and counts them", async () => {
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const { delivery, problems, take } = deliveryTo(
    async (lines) => {
      await gate.promise;
      seen.push(...lines);
      return { delivered: lines.length };
    },
    { capacity: 5, maxBytes: 40 },
  );
  take("1", "2", "3");
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  take("4", "5", "6", "7", "x".repeat(30), "y".repeat(41));
  assert.equal(delivery.counts().waiting, 3);
  gate.resolve();
  const counts = await delivery.close();
  assert.deepEqual(seen, ["1", "2", "3"]);
  assert.deepEqual(counts, { ...EMPTY, delivered: 3, dropped: { "the queue was full": 6 } });
  assert.equal(problems.length, 1);
});

test("Delivery.close() ends in time beside a destination that never answers", async () => {
  const { delivery, take } = deliveryTo(() => new Promise(() => {}));
  take("a", "b", "c", "d");
  const counts = await delivery.close(20);
  assert.deepEqual(counts, { ...EMPTY, dropped: { "the test was too slow": 4 } });
  take("late");
  assert.equal(linesLost(delivery.counts()), 5);
  assert.deepEqual(await delivery.close(), counts);
});

test("Delivery.close() tries once more, then gives up what its destination does not take", async () => {
  let calls = 0;
  const { delivery, take } = deliveryTo(
    () => {
      calls += 1;
      throw new Error("gone fishing\nsecond line");
    },
    { firstPauseMs: 1e6 },
  );
  take("a");
  await until("the first try has failed", () => calls === 1);
  assert.deepEqual(await delivery.close(), { ...EMPTY, dropped: { "gone fishing": 1 } });
  assert.equal(calls, 2);
});

test("Delivery.check() does not wait for what never answers", async () => {
  const problems: string[] = [];
  const delivery = new Delivery(
    {
      name: "test",
      target: "a dead disk",
      batch: { lines: 1, bytes: 1 },
      format: () => undefined,
      check: () => new Promise(() => {}),
      deliver: () => new Promise(() => {}),
      close: () => Promise.resolve(),
    },
    { slowMs: 5, onProblem: (text) => problems.push(text), onNote: assert.fail },
  );
  await delivery.check();
  assert.equal(problems.length, 1);
  await delivery.close();
});

test("Delivery aborts what takes too long, reports that it is slow, and tries again", async () => {
  let calls = 0;
  const { delivery, problems, take } = deliveryTo(
    (lines, signal) => {
      calls += 1;
      if (calls > 1) return { delivered: lines.length };
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("it took too long")));
      });
    },
    { slowMs: 5, abortMs: 50 },
  );
  take("a");
  await until("it is delivered", () => delivery.counts().delivered === 1);
  assert.match(problems[0] ?? "", /the test has not taken an alert for 5 ms/);
  await delivery.close();
});

test("Delivery ends when its destination is gone, and counts what comes then", async () => {
  const { delivery, problems, take } = deliveryTo(() => ({
    delivered: 1,
    reason: "its reader went away",
    isGone: true,
  }));
  take("a", "b", "c");
  await until("the end is known", () => delivery.counts().waiting === 0);
  take("d");
  assert.deepEqual(await delivery.close(), {
    ...EMPTY,
    delivered: 1,
    dropped: { "its reader went away": 3 },
  });
  assert.deepEqual(problems, ["Writing to the test ends: its reader went away; the watch goes on"]);
});

const RATE = { count: 2, period: "1h", periodMs: 3_600_000 };

/** A delivery to a destination with a limit, whose lines are the alerts' messages. */
function limitedTo(answer: Answering, rate: Rate, outbox?: Outbox) {
  const lines: string[] = [];
  const destination: Destination = {
    name: "test",
    target: "the test",
    batch: { lines: 3, bytes: 1000 },
    limit: rate,
    format: (news) => (news.kind === "alert" ? news.alert.message : undefined),
    deliver: async (some, signal) => {
      lines.push(...some);
      return answer(some, signal);
    },
    close: () => Promise.resolve(),
    ...(outbox === undefined ? {} : { outbox: everyAlert("there") }),
  };
  const delivery = new Delivery(destination, {
    firstPauseMs: 1,
    outbox,
    onProblem: () => {},
    onNote: () => {},
  });
  let sequence = 0;
  const take = (rule: string, priority: Priority): void => {
    sequence += 1;
    delivery.take(alertNews({ rule, priority, message: `${rule} ${sequence}` }, sequence));
  };
  return { delivery, lines, take };
}

const taken: Answering = (lines) => ({ delivered: lines.length });

test("Delivery over its limit sends one digest at the period's end, and the next period's alerts behind it", async () => {
  const { delivery, lines, take } = limitedTo(taken, { ...RATE, period: "20ms", periodMs: 20 });
  for (const rule of ["A", "A", "A", "B", "A"]) take(rule, rule === "A" ? "Warning" : "Critical");
  await until("the digest has gone", () => delivery.counts().digested === 3);
  take("C", "Notice");
  await until("the next has gone", () => delivery.counts().delivered === 3);
  assert.deepEqual(lines, [
    "A 1",
    "A 2",
    "3 further alerts in 20ms: 2 A (Warning), 1 B (Critical)",
    "C 6",
  ]);
  assert.deepEqual(await delivery.close(), { ...EMPTY, delivered: 3, digested: 3 });
});

test("Delivery.close() sends the digest of what it has, or counts what that stood for", async () => {
  const { delivery, lines, take } = limitedTo(taken, RATE);
  for (let number = 0; number < 9; number += 1) take("A", "Warning");
  await until("the rest is counted", () => delivery.counts().delivered === 2);
  assert.equal(delivery.counts().waiting, 7);
  assert.deepEqual(await delivery.close(), { ...EMPTY, delivered: 2, digested: 7 });
  assert.equal(lines.at(-1), "7 further alerts in 1h: 7 A (Warning)");

  const away: Answering = (some) =>
    some[0]?.includes("further") ? { delivered: 0, reason: "away" } : { delivered: some.length };
  const unable = limitedTo(away, RATE);
  for (let number = 0; number < 9; number += 1) unable.take("A", "Warning");
  const counts = await unable.delivery.close();
  assert.deepEqual(counts, { ...EMPTY, delivered: 2, dropped: { away: 7 } });

  const refusing: Answering = (some) =>
    some[0]?.includes("further")
      ? { delivered: 0, refused: 1, reason: "no digests" }
      : { delivered: some.length };
  const refused = limitedTo(refusing, RATE);
  for (let number = 0; number < 9; number += 1) refused.take("A", "Warning");
  const refusals = await refused.delivery.close();
  assert.deepEqual(refusals, { ...EMPTY, delivered: 2, refused: { "no digests": 7 } });
});

test("Delivery's place in the outbox stays before what a digest stands for until that has arrived", async () => {
  let place: (() => OutboxPlace | undefined) | undefined;
  const outbox: Outbox = {
    openReader: (_, around) => {
      ({ place } = around);
      return {
        keeps: () => true,
        read: async () => ({ news: [], isEnd: true, waiting: 0 }),
        close: () => {},
      };
    },
  };
  let isAway = true;
  const answer: Answering = (some) =>
    isAway && some[0]?.includes("further")
      ? { delivered: 0, reason: "away" }
      : { delivered: some.length };
  const { delivery, take } = limitedTo(answer, RATE, outbox);
  await new Promise((resolve) => setImmediate(resolve));
  for (let number = 0; number < 9; number += 1) take("A", "Warning");
  await until("two have gone", () => delivery.counts().delivered === 2);
  assert.deepEqual([place?.(), delivery.counts().waiting], [{ sequence: 2 }, 7]);
  assert.deepEqual(await delivery.close(), { ...EMPTY, delivered: 2, waiting: 7 });
  assert.deepEqual(place?.(), { sequence: 2 });

  isAway = false;
  const arrived = limitedTo(answer, RATE, outbox);
  await new Promise((resolve) => setImmediate(resolve));
  for (let number = 0; number < 9; number += 1) arrived.take("A", "Warning");
  assert.deepEqual(await arrived.delivery.close(), { ...EMPTY, delivered: 2, digested: 7 });
  assert.deepEqual(place?.(), { sequence: 9 });
});
