import assert from "node:assert/strict";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootedMissing, startInRoot } from "../../test/fixtures/rooted-process.ts";
import { fuseMissing, mountSilentFileSystem } from "../../test/fixtures/silent-file-system.ts";
import { descriptorOfFile, leadsTo, linkedFile } from "./opened-by-process.ts";

test("descriptorOfFile() tells how a process has a file open, after it was removed, too", (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "saker-opened-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "file");
  for (const [mode, flags] of [
    ["w", 2],
    ["r", 1],
    ["r+", 3],
    ["a", 10],
  ] as const) {
    const fd = openSync(path, mode);
    const file = { path, isDeleted: false };
    assert.deepEqual(linkedFile(`/proc/self/fd/${fd}`), file);
    assert.deepEqual(
      descriptorOfFile(process.pid, path),
      { number: fd, flags: flags | 0x1000 },
      mode,
    );
    assert.equal(leadsTo(process.pid, file, fstatSync(fd)), true);
    closeSync(fd);
    assert.equal(descriptorOfFile(process.pid, path), undefined);
  }
  const fd = openSync(path, "r");
  rmSync(path);
  assert.deepEqual(linkedFile(`/proc/self/fd/${fd}`), { path, isDeleted: true });
  assert.equal(descriptorOfFile(process.pid, path)?.number, fd);
  assert.equal(leadsTo(process.pid, { path, isDeleted: true }, fstatSync(fd)), undefined);
  closeSync(fd);
});

test("leadsTo() is false where the process has another file under that path", (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "saker-opened-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["one", "other"]) writeFileSync(join(folder, name), "");
  assert.equal(
    leadsTo(
      process.pid,
      { path: join(folder, "one"), isDeleted: false },
      statSync(join(folder, "other")),
    ),
    false,
  );
  assert.equal(
    leadsTo(process.pid, { path: join(folder, "none"), isDeleted: false }, statSync(folder)),
    undefined,
  );
});

test("leadsTo() asks no file system that does not answer, and follows no link", async (t) => {
  const skip = fuseMissing() ?? rootedMissing();
  if (skip !== undefined) return t.skip(skip);
  const silent = await mountSilentFileSystem(["/usr/bin/busybox"]);
  t.after(silent.release);
  const rooted = await startInRoot(
    (root) => {
      mkdirSync(join(root, "fuse"));
      symlinkSync("/etc", join(root, "link"));
      writeFileSync(join(root, "etc/passwd"), "");
    },
    (root) => [`mount --bind ${silent.point} ${root}/fuse`],
  );
  t.after(rooted.stop);
  silent.fallSilent();
  const host = statSync("/etc/passwd");
  const own = statSync(join(rooted.root, "etc/passwd"));
  const path = (inside: string) => ({ path: inside, isDeleted: false });
  assert.equal(leadsTo(rooted.pid, path("/etc/passwd"), own), true);
  assert.equal(leadsTo(rooted.pid, path("/etc/passwd"), host), false);
  assert.equal(leadsTo(rooted.pid, path("/link/passwd"), host), undefined);
  assert.equal(leadsTo(rooted.pid, path("/fuse/busybox"), own), undefined);
  return undefined;
});

test("linkedFile() is undefined where there is nobody", () => {
  assert.equal(linkedFile("/proc/2147483/fd/0"), undefined);
  assert.equal(descriptorOfFile(2147483, "/"), undefined);
});
