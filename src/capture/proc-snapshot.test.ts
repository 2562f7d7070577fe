import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AccountsReader } from "./accounts-reader.ts";
import { ProcReader } from "./proc-snapshot.ts";

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

test("ProcReader.read() tells ids of a process as it is told them itself", (t) => {
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

test("AccountsReader.of() reads the host's names anew when they change", (t) => {
  const etc = mkdtempSync(join(tmpdir(), "saker-etc-"));
  t.after(() => rmSync(etc, { recursive: true }));
  let now = 0;
  writeFileSync(join(etc, "passwd"), "one:x:7:7::/:/bin/sh\n");
  const reader = new AccountsReader({ etc, now: () => now });
  assert.equal(reader.of(undefined, 1).userName(7), "one");
  writeFileSync(join(etc, "passwd"), "other:x:7:7::/:/bin/sh\nbroken\n");
  now += 60_000;
  assert.equal(reader.of(undefined, 1).userName(7), "other");
});

test("AccountsReader.of() takes a container's names from its own files", (t) => {
  const root = mkdtempSync(join(tmpdir(), "saker-proc-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "55/root/etc"), { recursive: true });
  writeFileSync(join(root, "55/root/etc/passwd"), "inside:x:33:33::/:/bin/sh\n");
  const reader = new AccountsReader({ etc: "/nonexistent", procRoot: root, now: () => 0 });
  const web = {
    fullId: "c1",
    id: "c1",
    runtime: "docker",
    metadata: undefined,
    state: "pending",
  } as const;
  assert.deepEqual(
    [reader.of(web, 55).userName(33), reader.of(undefined, 55).userName(33)],
    ["inside", undefined],
  );
});
