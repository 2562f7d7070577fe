import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LineFile } from "./line-file.ts";

function scratch(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), "saker-lines-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("LineFile.write() appends whole lines to a file of mode 0640", (t) => {
  const path = join(scratch(t), "deep/er/alerts.txt");
  const file = new LineFile(path, { onProblem: assert.fail });
  file.write("one");
  file.write("two");
  file.close();
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test("LineFile.write() goes on in a new file after the old one was moved away", async (t) => {
  const path = join(scratch(t), "alerts.txt");
  const file = new LineFile(path, { onProblem: assert.fail });
  file.write("old");
  await new Promise((resolve) => setImmediate(resolve));
  renameSync(path, `${path}.1`);
  file.write("new");
  file.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "old\n");
  assert.equal(readFileSync(path, "utf8"), "new\n");
});

test(
  "LineFile.write() reports a full disk once and drops what its queue cannot hold",
  { skip: !existsSync("/dev/full") && "needs /dev/full" },
  async () => {
    const problems: string[] = [];
    const file = new LineFile("/dev/full", {
      capacity: 3,
      onProblem: (message) => problems.push(message),
    });
    for (let index = 0; index < 5; index += 1) file.write(`line ${index}`);
    await new Promise((resolve) => setImmediate(resolve));
    file.write("late");
    file.close();
    assert.equal(problems.length, 1);
    assert.match(
      problems[0] ?? "",
      /Cannot write "\/dev\/full": ENOSPC.*lines wait \(3 at the most\)/,
    );
    assert.equal(file.waiting, 3);
    assert.equal(file.dropped, 3);
  },
);

test("LineFile.write() follows no symbolic link", (t) => {
  const directory = scratch(t);
  symlinkSync("/etc/passwd", join(directory, "alerts.txt"));
  const problems: string[] = [];
  const file = new LineFile(join(directory, "alerts.txt"), {
    onProblem: (message) => problems.push(message),
  });
  file.write("root::0:0");
  file.close();
  assert.match(problems[0] ?? "", /ELOOP/);
});
