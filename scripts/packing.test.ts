import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PROCESSORS } from "./processors.ts";
import { targetOf } from "./packing.ts";

describe("targetOf()", () => {
  test("is what is named, and else what is packed by default", () => {
    assert.equal(targetOf([], "packed/saker"), "packed/saker");
    assert.equal(targetOf(["/tmp/saker"], "packed/saker"), "/tmp/saker");
    assert.equal(targetOf(["./arm64"], "packed/saker"), "./arm64");
  });

  test("refuses a processor without --arch, and two places", () => {
    assert.throws(
      () => targetOf(["arm64"], "packed/saker"),
      /^Error: Cannot pack to "arm64": that is a processor; write --arch arm64 \(with npm: -- --arch arm64\) to pack for it, or/,
    );
    assert.throws(
      () => targetOf(["a", "b"], "packed/saker"),
      /^Error: Cannot pack to "a" and "b": name one place$/,
    );
  });
});

test("tellPacked() has the path alone on standard output", () => {
  const call = `import { tellPacked } from "./packing.ts"; tellPacked("packing.ts", { name: "x64" })`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module-typescript", "-e", call],
    { cwd: import.meta.dirname, encoding: "utf8" },
  );
  assert.equal(stdout, "packing.ts\n");
  assert.match(stderr, /^packed for x64, 0\.0 MB:\n$/);
});

for (const name of ["pack-sea.ts", "pack-deb.ts", "pack-image.ts"])
  test(`${name} takes no processor for the place to write to`, () => {
    for (const arch of Object.keys(PROCESSORS))
      assert.throws(
        () =>
          execFileSync(process.execPath, [join(import.meta.dirname, name), arch], {
            stdio: "pipe",
          }),
        new RegExp(`write --arch ${arch} `),
      );
  });
