import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, truncateSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  isInMemory,
  isPathName,
  readSettings,
  readStateFile,
  readStateJson,
} from "./state-file.ts";

for (const [where, parent] of [
  ["anywhere", tmpdir()],
  ["in memory", "/dev/shm"],
] as const)
  test(`readStateFile reads regular files alone, of a bounded size, ${where}`, async (t) => {
    const inMemory = isInMemory(parent);
    const folder = await mkdtemp(join(parent, "saker-state-"));
    t.after(() => rm(folder, { recursive: true }));
    const at = (name: string): string => join(folder, name);
    await writeFile(at("good"), '{"a":1}');
    await writeFile(at("cut"), '{"a":');
    await symlink(at("good"), at("link"));
    execFileSync("mkfifo", [at("fifo")]);
    await writeFile(at("huge"), "");
    truncateSync(at("huge"), 5 * 1024 * 1024);
    assert.deepEqual((await readStateJson(at("good"), { inMemory }))?.json, { a: 1 });
    assert.equal((await readStateFile(at("good"), { inMemory }))?.text, '{"a":1}');
    assert.equal((await readStateFile(at("good"), { limit: 6, inMemory }))?.text, undefined);
    for (const name of ["cut", "link", "fifo", "huge", "absent", ".", "good/below", "a\0b"])
      assert.equal(await readStateJson(at(name), { inMemory }), undefined, name);
    assert.equal(await readStateJson("/dev/zero", { inMemory }), undefined);
    assert.equal(await readStateJson("x".repeat(5000), { inMemory }), undefined);
    assert.deepEqual(["good", "fifo", "huge", "absent"].map(at).map(readSettings), [
      '{"a":1}',
      "",
      "",
      "",
    ]);
  });

test("readStateFile takes a user's files from that user alone", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to give files away");
  const folder = await mkdtemp(join(tmpdir(), "saker-state-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "own"), "1");
  await writeFile(join(folder, "roots"), "1");
  chownSync(join(folder, "own"), 4711, 4711);
  assert.equal((await readStateFile(join(folder, "own"), { owner: 4711 }))?.text, "1");
  assert.equal(await readStateFile(join(folder, "roots"), { owner: 4711 }), undefined);
});

test("isPathName takes what runtimes call containers, and no way out of a folder", () => {
  for (const name of ["a".repeat(64), "web-1", "web_1.2", "alloc.task.scope"])
    assert.ok(isPathName(name), name);
  for (const name of ["", ".", "..", "../x", "a/b", "a\0", "-x", ".hidden", "x".repeat(256)])
    assert.ok(!isPathName(name), name);
});
