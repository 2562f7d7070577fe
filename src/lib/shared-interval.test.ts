import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { sharedInterval } from "./shared-interval.ts";

/** Names of what was done, in order, and time that passes. */
function recorded(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const done: string[] = [];
  return {
    done,
    every: (ms: number, name = String(ms)) => {
      const interval = sharedInterval(() => done.push(name), ms);
      t.after(() => interval.close());
      return interval;
    },
    pass: (ms: number): string[] => {
      t.mock.timers.tick(ms);
      return done.splice(0);
    },
  };
}

test("sharedInterval() calls each at its own period", (t) => {
  const { every, pass } = recorded(t);
  every(1000);
  every(500);
  every(2000);
  assert.deepEqual(pass(500), ["500"]);
  assert.deepEqual(pass(500), ["1000", "500"]);
  assert.deepEqual(pass(1000), ["500", "1000", "500", "2000"]);
});

test("sharedInterval() calls what is no multiple of the shortest period at most that late", (t) => {
  const { every, pass } = recorded(t);
  every(400);
  every(500);
  assert.deepEqual(pass(400), ["400"]);
  assert.deepEqual(pass(400), ["400", "500"]);
});

test("sharedInterval() goes on with the others when one is closed, and with none it ends", (t) => {
  const { every, pass } = recorded(t);
  const short = every(100);
  const long = every(300);
  short.close();
  short.close();
  assert.deepEqual(pass(100), []);
  assert.deepEqual(pass(300), ["300"]);
  long.close();
  assert.deepEqual(pass(3000), []);
  every(50);
  assert.deepEqual(pass(100), ["50", "50"]);
});

test("sharedInterval() calls nobody who was closed by the one before in the same moment", (t) => {
  const { done, every, pass } = recorded(t);
  const closing = sharedInterval(() => {
    done.push("first");
    second.close();
  }, 100);
  t.after(() => closing.close());
  const second = every(100, "second");
  assert.deepEqual(pass(200), ["first", "first"]);
});

test("sharedInterval() calls the others however often one comes and goes", (t) => {
  const { every, pass } = recorded(t);
  every(300);
  let done: string[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const short = every(100);
    done = [...done, ...pass(60)];
    short.close();
    done = [...done, ...pass(20)];
  }
  assert.ok(done.filter((name) => name === "300").length >= 3, String(done));
});

test("sharedInterval() calls who is added by another from the next time on", (t) => {
  const { done, every, pass } = recorded(t);
  const adding = sharedInterval(() => {
    adding.close();
    done.push("first");
    every(100, "second");
  }, 100);
  t.after(() => adding.close());
  assert.deepEqual(pass(100), ["first"]);
  assert.deepEqual(pass(100), ["second"]);
});
