import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { lockFolder } from "./folder-lock.ts";

const root = mkdtempSync(join(tmpdir(), "saker-lock-"));
after(() => rmSync(root, { recursive: true }));

const LOCK = fileURLToPath(new URL("./folder-lock.ts", import.meta.url));

test("lockFolder() has a folder once, by whatever path, until it is released", () => {
  symlinkSync(root, join(root, "link"));
  const lock = lockFolder(root);
  assert.equal(lock.doubt, undefined);
  assert.throws(() => lockFolder(join(root, "link")), {
    code: "CONFIG_REPORT",
    message: `Cannot write to report folder "${root}/link": another saker watch writes there`,
    hint: "end that one, or name another folder with --report",
  });
  lock.release();
  lockFolder(root).release();
});

test("lockFolder() of a process that was killed leaves nothing", async () => {
  const script = `const { lockFolder } = await import(${JSON.stringify(LOCK)}); lockFolder(${JSON.stringify(root)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  assert.throws(() => lockFolder(root), { code: "CONFIG_REPORT" });
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  lockFolder(root).release();
});

test("lockFolder() makes a folder that is not there, and says what it cannot tell of others", () => {
  lockFolder(join(root, "a", "b")).release();
  assert.match(lockFolder(LOCK).doubt ?? "", /EEXIST/);
});
