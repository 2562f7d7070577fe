import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROBE = fileURLToPath(new URL("../../probe/", import.meta.url));

test("the committed objects are what probe/build makes of the sources", (t) => {
  for (const tool of ["clang-14", "llvm-strip-14"]) {
    if (spawnSync(tool, ["--version"]).status !== 0)
      return t.skip(`needs ${tool}: the objects are of that compiler`);
  }
  const directory = mkdtempSync(join(tmpdir(), "saker-probe-build-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const build = spawnSync(join(PROBE, "build"), [directory], { encoding: "utf8" });
  assert.equal(build.status, 0, build.stderr);
  const objects = readdirSync(directory);
  assert.equal(objects.length, 6);
  for (const object of objects) {
    const same = readFileSync(join(directory, object)).equals(readFileSync(join(PROBE, object)));
    assert.ok(same, `${object} differs from the committed one: run probe/build and commit`);
  }
});
