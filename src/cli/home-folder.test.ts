import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { homeFolder } from "./home-folder.ts";

test("homeFolder() is the user's own", () => {
  assert.equal(homeFolder(), process.env["HOME"] ?? homeFolder());
});

test(
  "homeFolder() is / without HOME and account",
  { skip: process.getuid?.() !== 0 && "needs root" },
  () => {
    const module = JSON.stringify(join(import.meta.dirname, "home-folder.ts"));
    // Its module is read before its user is one that no account has.
    const script = `const { homeFolder } = await import(${module}); process.setuid(54321); console.log(homeFolder())`;
    const args = ["--input-type=module", "-e", script];
    assert.equal(execFileSync(process.execPath, args, { env: {}, encoding: "utf8" }), "/\n");
  },
);
