import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../../test/fixtures/until.ts";
import { fuseMissing, mountSilentFileSystem } from "../../test/fixtures/silent-file-system.ts";
import { FileReader } from "../untrusted/file-reader.ts";
import { ExecutableReader } from "./executable-reader.ts";
import { snapshotHost } from "./host-snapshot.ts";
import { ProcReader } from "./proc-snapshot.ts";

test("ExecutableReader.of() gives the facts of many, and nothing of who has none or is gone", async (t) => {
  const files = new FileReader({ onProblem: (text) => assert.fail(text) });
  const awake = setInterval(() => {}, 1000);
  t.after(() => {
    files.close();
    clearInterval(awake);
  });
  const reader = new ExecutableReader({ files });
  const own = { pid: process.pid, exepath: process.execPath };
  const stat = statSync(process.execPath, { bigint: true });
  const expected = { exeInode: Number(stat.ino), exeCtime: stat.ctimeNs, exeMtime: stat.mtimeNs };
  const many = await Promise.all(Array.from({ length: 1000 }, () => reader.of(own)));
  assert.ok(many.every((facts) => facts?.exeInode === expected.exeInode));
  assert.deepEqual(many.at(-1), expected);
  assert.equal(await reader.of({ pid: 2147483, exepath: "/bin/gone" }), undefined);
  assert.equal(await reader.of({ pid: 2, exepath: "" }), undefined);
});

test(
  "a program and a file on a file system that does not answer hold neither ProcReader nor snapshotHost",
  { skip: fuseMissing() ?? false },
  async (t) => {
    const silent = await mountSilentFileSystem(["/usr/bin/busybox"]);
    t.after(silent.release);
    const program = join(silent.point, "busybox");
    const child = spawn(program, ["sh", "-c", `exec 7<${program}; echo open; read line`], {
      stdio: ["pipe", "pipe", "inherit"],
      cwd: silent.point,
    });
    t.after(() => child.kill("SIGKILL"));
    await once(child.stdout, "data");
    silent.fallSilent();
    const pid = child.pid ?? 0;
    const found = new ProcReader().all().find((process) => process.pid === pid);
    assert.deepEqual([found?.exepath, found?.cwd], [program, `${silent.point}/`]);
    const { entries } = snapshotHost();
    const thread = entries.threads.find((entry) => entry.tid === pid);
    assert.equal(thread?.exeMtime, 1_600_000_000_000_000_000n);
    assert.ok(
      entries.descriptors.get(pid)?.some(({ number, name }) => number === 7 && name === program),
    );
  },
);

for (const where of ["its first thread", "another thread"] as const) {
  test(
    `a process that holds its memory map with ${where} holds neither ProcReader nor snapshotHost`,
    { skip: fuseMissing() ?? false },
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "saker-held-"));
      writeFileSync(join(folder, "data"), "x".repeat(4096));
      const silent = await mountSilentFileSystem([join(folder, "data")]);
      t.after(async () => {
        await silent.release();
        rmSync(folder, { recursive: true });
      });
      const more = where === "another thread" ? ["thread"] : [];
      const child = spawn(process.execPath, [HELD, join(silent.point, "data"), ...more], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      t.after(() => child.kill("SIGKILL"));
      await once(child.stdout, "data");
      const pid = child.pid ?? 0;
      assert.equal(new ProcReader().read(pid)?.args[0], HELD);
      silent.fallSilent();
      child.stdin.write("go\n");
      await until("the thread to wait", () => statesOf(pid).includes("D"));
      const found = new ProcReader().read(pid);
      assert.deepEqual([found?.comm, found?.args, found?.env], ["MainThread", [], undefined]);
      assert.ok(snapshotHost().entries.threads.some(({ tid }) => tid === pid));
    },
  );
}

function statesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] ?? "";
  });
}

const HELD = fileURLToPath(new URL("../../test/fixtures/held-memory.ts", import.meta.url));
