import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "../lib/errors.ts";
import { lockdownMode, withLockdown } from "./lockdown.ts";

test("withLockdown() names the lockdown where it is why a probe does not load", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-lockdown-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [file, problem] = [join(folder, "lockdown"), new AppError("KERNEL_EINVAL", "Cannot load")];
  assert.deepEqual([lockdownMode(file), withLockdown(problem, file)], [undefined, problem]);
  writeFileSync(file, "none [integrity] confidentiality\n");
  assert.deepEqual([lockdownMode(file), withLockdown(problem, file)], ["integrity", problem]);
  writeFileSync(file, "none integrity [confidentiality]\n");
  const told = withLockdown(problem, file);
  assert.ok(told instanceof AppError);
  assert.deepEqual(
    [told.code, told.hint, told.cause],
    ["KERNEL_LOCKDOWN", "start it with lockdown=integrity", problem],
  );
});
