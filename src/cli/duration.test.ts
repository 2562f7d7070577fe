import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

test("parseDuration() reads numbers with and without a unit", () => {
  assert.deepEqual(
    ["30s", "5m", "500ms", "1h", "2", "0.5s", "1d"].map((text) =>
      parseDuration(text, "--duration"),
    ),
    [30_000, 300_000, 500, 3_600_000, 2000, 500, 86_400_000],
  );
});

for (const text of ["", "soon", "0", "-1s", "10w", "99999h", "60d"]) {
  test(`parseDuration() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseDuration(text, "--duration"), {
      code: "USAGE_TIME",
      hint: "write it as --duration 30s, 5m or 500ms",
    });
  });
}
