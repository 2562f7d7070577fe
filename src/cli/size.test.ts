import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRingSize, parseSize } from "./size.ts";

test("parseSize() takes a number with or without a unit", () => {
  assert.deepEqual(
    ["1", "500M", "2g", "1.5K", "3 TB"].map((text) => {
      try {
        return parseSize(text, "-x");
      } catch {
        return "refused";
      }
    }),
    [1, 5e8, 2e9, 1500, "refused"],
  );
  assert.throws(() => parseSize("much", "--max-size"), {
    code: "USAGE_SIZE",
    message: 'Cannot use --max-size "much": it must be a size',
    hint: "write --max-size 500M or 2G",
  });
});

test("parseRingSize() gives the power of two that is meant", () => {
  assert.deepEqual(["64K", "65536", "1M", "8M", "8388608", "9M", "1G"].map(parseRingSize), [
    65_536,
    65_536,
    2 ** 20,
    2 ** 23,
    2 ** 23,
    2 ** 24,
    2 ** 30,
  ]);
  assert.deepEqual(["10M", "100M"].map(parseRingSize), [2 ** 24, 2 ** 27]);
  for (const text of ["1K", "2G", "0"])
    assert.throws(() => parseRingSize(text), { code: "USAGE_SIZE" });
});
