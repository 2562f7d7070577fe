import assert from "node:assert/strict";
import { test } from "node:test";
import { ExaminationBudget } from "./examination-budget.ts";

test("ExaminationBudget.take() gives a thousand at once, then one a second, to each", () => {
  let now = 0;
  const budget = new ExaminationBudget(() => now);
  const taken = (key: string, times: number): number =>
    Array.from({ length: times }, () => budget.take(key)).filter(Boolean).length;
  assert.equal(taken("a", 5000), 1000);
  assert.equal(budget.refused, 4000);
  assert.equal(taken("b", 10), 10);
  now += 5500;
  assert.equal(taken("a", 100), 5);
  now += 3_600_000;
  assert.equal(taken("a", 5000), 1000);
});

test("ExaminationBudget.take() forgets who has all of it again, and nobody else", () => {
  let now = 0;
  const budget = new ExaminationBudget(() => now);
  for (let times = 0; times < 1000; times += 1) budget.take("flooder");
  for (let key = 0; key < 5000; key += 1) {
    budget.take(`k${key}`);
    if (key % 1000 === 0) now += 2000;
  }
  now = 10_000;
  const left = Array.from({ length: 100 }, () => budget.take("flooder")).filter(Boolean);
  assert.equal(left.length, 10);
});
