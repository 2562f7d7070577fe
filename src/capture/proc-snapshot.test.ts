import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProcReader } from "./proc-snapshot.ts";

const ENDLESS = fileURLToPath(new URL("../../test/fixtures/endless-arguments.ts", import.meta.url));

test("ProcReader.read() tells of a process what /proc tells", async (t) => {
  const child = spawn("sh", ["-c", "read line", "with blank"], {
    cwd: "/tmp",
    stdio: ["pipe", "ignore", "ignore"],
  });
  t.after(() => child.kill());
  await once(child, "spawn");
  const reader = new ProcReader();
  const found = reader.read(child.pid ?? 0);
  assert.deepEqual(
    [found?.ppid, found?.comm, found?.exe, found?.args, found?.cwd],
    [process.pid, "sh", "sh", ["-c", "read line", "with blank"], "/tmp/"],
  );
  assert.match(found?.exepath ?? "", /\/(?:da|ba)?sh$/);
  assert.equal(found?.uid, process.getuid?.());
  assert.ok(reader.all().some((other) => other.pid === child.pid));
});

test("ProcReader.read() leaves the arguments of who has more threads than may be looked at", () => {
  const reader = new ProcReader();
  assert.deepEqual(reader.read(process.pid, 1)?.args, []);
  assert.ok((reader.read(process.pid)?.args.length ?? 0) > 0);
});

test("ProcReader.read() ends with a process whose arguments have no end", async (t) => {
  const child = spawn(process.execPath, [ENDLESS], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  await once(child.stdout, "data");
  const before = process.memoryUsage.rss();
  const found = new ProcReader().read(child.pid ?? 0);
  assert.deepEqual([found?.comm, found?.exe], ["MainThread", ""]);
  assert.ok((found?.args.length ?? 0) < 20_000);
  assert.ok(process.memoryUsage.rss() - before < 50 << 20);
});

test("ProcReader.read() reads ids of a process in its own namespace", (t) => {
  const root = mkdtempSync(join(tmpdir(), "saker-proc-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "55"));
  writeFileSync(join(root, "55/stat"), `55 (a) b) S 1 54 53 0 ${"0 ".repeat(40)}`);
  writeFileSync(join(root, "55/status"), "NSpid:\t55\t3\nNSpgid:\t54\t2\nNSsid:\t53\t1\n");
  const found = new ProcReader({ procRoot: root }).read(55);
  assert.deepEqual(
    [found?.comm, found?.pgid, found?.vpid, found?.vpgid, found?.sid],
    ["a) b", 54, 3, 2, 1],
  );
});

test("ProcReader.read() is undefined for a process that is gone", () => {
  assert.equal(new ProcReader().read(2 ** 22 + 1), undefined);
});
