import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the documents and manual pages are what the tables say", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("docs.ts", import.meta.url)), "--check"],
    { encoding: "utf8" },
  );
  assert.deepEqual([status, stderr], [0, ""]);
});
