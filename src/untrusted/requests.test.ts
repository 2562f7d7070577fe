import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { REQUESTS } from "./requests.ts";

/** What /proc has of a process, with a list of mounts that waits for its writer. */
function processFolder(t: TestContext): string {
  const process = mkdtempSync(join(tmpdir(), "saker-requests-"));
  t.after(() => rmSync(process, { recursive: true }));
  mkdirSync(join(process, "files"));
  symlinkSync(join(process, "files"), join(process, "root"));
  writeFileSync(join(process, "cgroup"), "0::/docker/abc");
  execFileSync("mkfifo", [join(process, "mountinfo")]);
  return process;
}

test("REQUESTS.accounts: a container that ends while its files are read is gone, not refused", (t) => {
  for (const [does, answer] of [
    [":", { passwd: "fileSystem", group: "fileSystem" }],
    ["rm root", "gone"],
  ] as const) {
    const process = processFolder(t);
    // Its mounts are gone: the list is there, and empty.
    spawn("sh", ["-c", `exec 3> mountinfo; ${does}; echo >&3`], { cwd: process });
    const asked = { process, cgroupPart: "abc", hostProcesses: [] };
    assert.deepEqual(REQUESTS.accounts(asked), answer);
  }
});
