import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText, countText } from "./numbers.ts";

test("countText() groups, and shortens from a million on", () => {
  assert.deepEqual([0, 1234, 999_999, 12_345_678].map(countText), [
    "0",
    "1,234",
    "999,999",
    "12.3 M",
  ]);
});

test("bytesText() takes powers of 1000", () => {
  assert.deepEqual([0, 999, 1400, 123_456_789].map(bytesText), [
    "0 B",
    "999 B",
    "1.4 kB",
    "123 MB",
  ]);
});
