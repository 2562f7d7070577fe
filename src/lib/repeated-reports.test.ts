import assert from "node:assert/strict";
import { test } from "node:test";
import { RepeatedReports } from "./repeated-reports.ts";

test("RepeatedReports.report() passes on the first, second, fourth … of each kind", () => {
  const seen: string[] = [];
  const reports = new RepeatedReports((text) => seen.push(text));
  for (let index = 1; index <= 9; index += 1) reports.report("bad", `line ${index}`);
  reports.report("long", "a long line");
  assert.deepEqual(seen, [
    "line 1",
    "line 2 (2 so far)",
    "line 4 (4 so far)",
    "line 8 (8 so far)",
    "a long line",
  ]);
  assert.equal(reports.count("bad"), 9);
  assert.equal(reports.count("never"), 0);
});
