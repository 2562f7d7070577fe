import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText, momentText, spanText } from "./times.ts";

test("spanText() takes the largest unit that makes one", () => {
  assert.deepEqual([0, 59_999, 60_000, 86_399_999, 86_400_000].map(spanText), [
    "0 s",
    "59 s",
    "1 min",
    "23 h",
    "1 d",
  ]);
});

test("agoText() looks both ways", () => {
  const now = new Date(10_000_000);
  assert.deepEqual(
    [-7200_000, 0, 7200_000].map((by) => agoText(new Date(now.getTime() + by), now)),
    ["2 h ago", "now", "in 2 h"],
  );
});

test("momentText() names the day where it is not today", () => {
  const noon = new Date(2026, 0, 5, 12, 0, 0, 7);
  assert.equal(momentText(noon, noon), "12:00:00.007");
  assert.match(momentText(noon, new Date(2026, 0, 6)), /^05 Jan.* 12:00:00\.007$/);
});
