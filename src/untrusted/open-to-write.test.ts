import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { openToWrite, type OpenToWriteOptions } from "./open-to-write.ts";

/** As /tmp is. */
const shared = mkdtempSync(join(tmpdir(), "saker-shared-"));
chmodSync(shared, 0o1777);
after(() => rmSync(shared, { recursive: true }));
const OTHER = 12_345;
const needsRoot = process.getuid?.() === 0 ? false : "needs root, to give files away";

function write(path: string, text: string, options?: OpenToWriteOptions): void {
  const fd = openToWrite(path, options);
  writeSync(fd, text);
  closeSync(fd);
}

describe("openToWrite()", () => {
  test("makes a file that its group may read, makes it anew, and appends", () => {
    const path = join(shared, "file");
    write(path, "longer");
    assert.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask());
    write(path, "new");
    write(path, ", more", { appends: true });
    assert.equal(readFileSync(path, "utf8"), "new, more");
  });

  test("follows the user's own links, and takes devices", () => {
    const path = join(shared, "target");
    writeFileSync(path, "old");
    symlinkSync(path, join(shared, "own-link"));
    write(join(shared, "own-link"), "new");
    assert.equal(readFileSync(path, "utf8"), "new");
    closeSync(openToWrite("/dev/null"));
  });

  test("writes to a FIFO that is read, and does not wait for one that is not", async () => {
    const path = join(shared, "fifo");
    execFileSync("mkfifo", [path]);
    assert.throws(() => openToWrite(path), /ENXIO/);
    const reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] });
    let fd: number | undefined;
    while (fd === undefined) {
      try {
        fd = openToWrite(path);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    writeSync(fd, "x".repeat(1 << 16));
    closeSync(fd);
    let read = 0;
    for await (const bytes of reader.stdout) read += (bytes as Buffer).length;
    assert.equal(read, 1 << 16);
  });

  test("leaves what others have put there as it is", { skip: needsRoot }, () => {
    const treasure = join(shared, "treasure");
    writeFileSync(treasure, "gold");
    const [link, theirs, further] = ["link", "theirs", "further"].map((name) => join(shared, name));
    symlinkSync(treasure, link ?? "");
    lchownSync(link ?? "", OTHER, OTHER);
    writeFileSync(theirs ?? "", "theirs");
    chownSync(theirs ?? "", OTHER, OTHER);
    linkSync(treasure, further ?? "");
    const cases: readonly (readonly [string | undefined, RegExp])[] = [
      [link, /symbolic link of user 12345, which is not followed/],
      // EACCES: where fs.protected_regular has the kernel say so.
      [theirs, /belongs to user 12345, in a folder that others may write to|EACCES/],
      [further, /further name of another file/],
    ];
    for (const appends of [false, true])
      for (const [path = "", why] of cases)
        assert.throws(() => openToWrite(path, { appends }), why);
    assert.equal(readFileSync(treasure, "utf8"), "gold");
    assert.equal(readFileSync(theirs ?? "", "utf8"), "theirs");
  });
});
