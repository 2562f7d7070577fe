import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DoneTargets } from "./done-targets.ts";

test("DoneTargets knows what an earlier run has done, and takes no half line", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-done-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "done");
  const first = new DoneTargets(path);
  assert.equal(first.count, 0);
  first.add("a:1");
  first.add("b:2");
  writeFileSync(path, "c:", { flag: "a" });
  const second = new DoneTargets(path);
  assert.deepEqual(
    ["a:1", "b:2", "c:", "c:3"].map((label) => second.has(label)),
    [true, true, false, false],
  );
  second.add("d:4");
  assert.equal(new DoneTargets(path).has("d:4"), true);
});

test("DoneTargets refuses what is no file", () =>
  assert.throws(() => new DoneTargets(tmpdir()), /Cannot resume from .*EISDIR/));
