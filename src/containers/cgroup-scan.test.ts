import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cgroupIdAt, scanContainerCgroups } from "./cgroup-scan.ts";

const A = "a".repeat(64);

test("scanContainerCgroups finds what may be a container's, and each but once", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "saker-scan-"));
  t.after(() => rm(root, { recursive: true }));
  const groups = ["unified", "pids"].flatMap((hierarchy) => [
    `${hierarchy}/docker/${A}/below`,
    `${hierarchy}/default/web`,
    `${hierarchy}/system.slice/ssh.service`,
  ]);
  for (const group of [...groups, "pids/lxc/old"])
    await mkdir(join(root, group), { recursive: true });
  for (const hierarchy of ["unified", "pids"])
    await writeFile(join(root, hierarchy, "cgroup.procs"), "");
  const paths = scanContainerCgroups(root).map(({ path }) => path);
  assert.deepEqual(paths.toSorted(), [
    "/default/web",
    `/docker/${A}`,
    `/docker/${A}/below`,
    "/lxc/old",
  ]);
});

test("scanContainerCgroups goes on where a path is longer than a call takes", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "saker-deep-"));
  const home = process.cwd();
  // Deeper than any path: only a step at a time leads there.
  const steps = [`docker`, A, ...Array.from({ length: 40 }, () => "d".repeat(250))];
  t.after(async () => {
    process.chdir(join(root, "unified"));
    for (const step of steps) process.chdir(step);
    for (const step of steps.toReversed()) {
      process.chdir("..");
      rmdirSync(step);
    }
    process.chdir(home);
    await rm(root, { recursive: true });
  });
  await mkdir(join(root, "unified"));
  await writeFile(join(root, "unified", "cgroup.procs"), "");
  process.chdir(join(root, "unified"));
  for (const step of steps) {
    mkdirSync(step);
    process.chdir(step);
  }
  process.chdir(home);
  const found = scanContainerCgroups(root);
  assert.equal(found.length, 41);
  assert.equal(new Set(found.map(({ id }) => id)).size, 41);
  assert.equal(found.at(-1)?.path, `/${steps.join("/")}`);
  assert.equal(cgroupIdAt(join(root, "unified"), `/${steps.join("/")}`), undefined);
});
