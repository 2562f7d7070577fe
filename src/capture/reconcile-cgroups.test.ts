import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { reconcileCgroups } from "./reconcile-cgroups.ts";

const [ONE, TWO, THREE] = ["1", "2", "3"].map((digit) => `docker-${digit.repeat(64)}.scope`);

/** Folders stand for both hierarchies, as they are mounted on hybrid machines. */
function hierarchies(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "saker-cgroups-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const hierarchy of ["unified", "pids"]) {
    mkdirSync(join(root, hierarchy));
    writeFileSync(join(root, hierarchy, "cgroup.procs"), "");
  }
  return root;
}

function make(root: string, path: string): number {
  mkdirSync(join(root, path), { recursive: true });
  return statSync(join(root, path)).ino;
}

test("reconcileCgroups finds groups that were missed and those that are gone", async (t) => {
  const root = hierarchies(t);
  const known = make(root, `unified/system.slice/${ONE}`);
  const missed = make(root, `unified/system.slice/${TWO}`);
  const old = make(root, `pids/docker/${THREE}`);
  make(root, "unified/user.slice/no-container");
  const groups = [
    { id: known, isV1: false },
    { id: 999_999, isV1: false },
  ];
  assert.deepEqual(await reconcileCgroups(() => groups, root), {
    missed: [
      { id: missed, isV1: false, path: `/system.slice/${TWO}` },
      { id: old, isV1: true, path: `/docker/${THREE}` },
    ],
    gone: [{ id: 999_999, isV1: false }],
    isPartial: false,
  });
});

test("reconcileCgroups takes nothing for gone or missed that was told meanwhile", async (t) => {
  const root = hierarchies(t);
  const id = make(root, `unified/${ONE}`);
  let calls = 0;
  const known = () =>
    calls++ === 0
      ? []
      : [
          { id, isV1: false },
          { id: 7, isV1: false },
        ];
  assert.deepEqual(await reconcileCgroups(known, root), { missed: [], gone: [], isPartial: false });
});
