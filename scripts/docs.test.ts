import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("docs/fields.md is what the tables say", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("docs.ts", import.meta.url)), "--check"],
    { encoding: "utf8" },
  );
  assert.deepEqual([status, stderr], [0, ""]);
});
