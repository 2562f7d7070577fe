import assert from "node:assert/strict";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import type { Answer, Destination } from "./destination.ts";
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

const EMPTY = { delivered: 0, waiting: 0, duplicates: 0, refused: {}, dropped: {} };

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
