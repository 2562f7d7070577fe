import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { statKept } from "./stat-kept.ts";

test("statKept() gives what stat(2) gives, of a path over links, and of a descriptor", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-stat-"));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync("/proc/self/exe", join(folder, "link"));
  for (const path of ["/etc/passwd", "/dev/null", folder, join(folder, "link")]) {
    const stat = statSync(path, { bigint: true });
    const expected = {
      mode: Number(stat.mode),
      inode: Number(stat.ino),
      device: Number(stat.dev),
      size: Number(stat.size),
      changedNs: stat.ctimeNs,
      modifiedNs: stat.mtimeNs,
    };
    assert.deepEqual(statKept(path), expected, path);
    const fd = openSync(path, "r");
    assert.deepEqual(statKept(fd), expected);
    closeSync(fd);
  }
  assert.equal(statKept("/nonexistent"), undefined);
  assert.equal(statKept(123_456), undefined);
});
