import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { inMountNamespace, mountsMissing } from "../../test/fixtures/mounts.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import { fileDestination } from "./file.ts";
import type { OutputCounts } from "./output.ts";

const WRITER = fileURLToPath(new URL("../../test/fixtures/file-writer.ts", import.meta.url));

function scratch(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), "saker-file-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A file output whose lines are the alerts' rules. */
function fileOutput(path: string, { claims = new FileClaims(), name = "file" } = {}) {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const destination = fileDestination({
    name,
    path,
    format: (news) => (news.kind === "alert" ? news.alert.rule : undefined),
    context: { claims, onNote: say },
  });
  const delivery = new Delivery(destination, { firstPauseMs: 1, onProblem: say, onNote: say });
  const take = (...rules: readonly string[]): void => {
    for (const rule of rules) delivery.take(alertNews({ rule }));
  };
  const written = (count: number) =>
    until(`${count} lines are written`, () => delivery.counts().delivered === count);
  return { delivery, said, take, written };
}

test("a file output appends whole lines to a file of mode 0640, in folders that it makes", async (t) => {
  const path = join(scratch(t), "deep/er/alerts.txt");
  const { delivery, said, take } = fileOutput(path);
  take("one", "two");
  assert.equal((await delivery.close()).delivered, 2);
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(said, []);
});

test("a file output goes on in a new file after the old one was moved, deleted or cut", async (t) => {
  const path = join(scratch(t), "alerts.txt");
  const { delivery, said, take, written } = fileOutput(path);
  take("old");
  await written(1);
  renameSync(path, `${path}.1`);
  take("new");
  await written(2);
  rmSync(path);
  take("newer");
  await written(3);
  truncateSync(path, 0);
  take("newest");
  await delivery.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "old\n");
  assert.equal(readFileSync(path, "utf8"), "newest\n");
  assert.deepEqual(said, []);
});

for (const [kind, make, reason] of [
  ["folder", (path: string) => mkdirSync(path), /it is a folder/],
  ["symbolic link", (path: string) => symlinkSync("/etc/passwd", path), /it is a symbolic link/],
  ["device", (path: string) => execFileSync("mknod", [path, "c", "1", "7"]), /it is a device/],
  ["FIFO without a reader", (path: string) => execFileSync("mkfifo", [path]), /no program reads/],
] as const) {
  test(`a file output has one clear line for a ${kind}, counts and ends`, async (t) => {
    const path = join(scratch(t), "alerts.txt");
    try {
      make(path);
    } catch {
      return t.skip("needs mknod");
    }
    const { delivery, said, take } = fileOutput(path);
    await delivery.check();
    take("a", "b");
    const { delivered, dropped } = await delivery.close();
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", reason);
    assert.equal(delivered, 0);
    assert.deepEqual(Object.values(dropped), [2]);
  });
}

test("a file output writes into no further name of a file, in a folder of others", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to give a folder away");
  const folder = scratch(t);
  const [treasure, theirs] = [join(folder, "treasure"), join(folder, "theirs")];
  writeFileSync(treasure, "gold");
  mkdirSync(theirs);
  linkSync(treasure, join(theirs, "alerts.txt"));
  chownSync(theirs, 12_345, 12_345);
  const { delivery, said, take } = fileOutput(join(theirs, "alerts.txt"));
  await delivery.check();
  take("one");
  await delivery.close();
  assert.match(said[0] ?? "", /it is a further name of another file, in a folder of others/);
  assert.equal(readFileSync(treasure, "utf8"), "gold");
});

test("a file output has one clear line for a socket and for a file as a folder", async (t) => {
  const folder = scratch(t);
  const server = createServer().listen(join(folder, "socket"));
  t.after(() => server.close());
  await until("it listens", () => server.listening);
  writeFileSync(join(folder, "plain"), "");
  for (const [name, reason] of [
    ["socket", /it is a socket/],
    ["plain/alerts.txt", /a part of its path is no folder/],
  ] as const) {
    const { delivery, said } = fileOutput(join(folder, name));
    await delivery.check();
    await delivery.close();
    assert.match(said[0] ?? "", reason);
  }
});

test("a file output feeds a FIFO's reader, however slow, and waits for the next one", async (t) => {
  const path = join(scratch(t), "fifo");
  execFileSync("mkfifo", [path]);
  const { delivery, take, written } = fileOutput(path);
  const lines = Array.from({ length: 300 }, (_, index) => `${index} ${"x".repeat(1000)}`);
  take(...lines);
  const reader = spawn("sh", ["-c", 'sleep 0.2; head -n 300 "$1"', "sh", path]);
  const got = text(reader.stdout);
  await written(300);
  assert.equal(await got, `${lines.join("\n")}\n`);
  take("later");
  const second = spawn("cat", [path]);
  const last = text(second.stdout);
  await until("it is delivered", () => delivery.counts().delivered === 301);
  await delivery.close();
  assert.equal(await last, "later\n");
});

test("two file outputs of one inode write each alert once, and both after they were parted", async (t) => {
  const folder = scratch(t);
  const [one, two] = [join(folder, "one"), join(folder, "two")];
  writeFileSync(one, "");
  linkSync(one, two);
  const claims = new FileClaims();
  const first = fileOutput(one, { claims, name: "same" });
  const second = fileOutput(two, { claims, name: "same" });
  await first.delivery.check();
  await second.delivery.check();
  first.take("a");
  second.take("a");
  await first.written(1);
  await until("the second has left it out", () => second.delivery.counts().duplicates === 1);
  renameSync(one, join(folder, "rotated"));
  first.take("b");
  await first.written(2);
  second.take("b");
  await second.written(1);
  await Promise.all([first.delivery.close(), second.delivery.close()]);
  assert.equal(readFileSync(two, "utf8"), "a\nb\n");
  assert.equal(readFileSync(one, "utf8"), "b\n");
  assert.equal(second.said.length, 1);
});

interface Written {
  readonly said: readonly string[];
  readonly counts: Readonly<Record<string, OutputCounts>>;
}

test(
  "a file output leaves no half line on a disk that is full, and goes on when there is room",
  { skip: mountsMissing() },
  (t) => {
    const folder = scratch(t);
    const script = `mount -t tmpfs -o size=64k none "$1"; "$2" "$3" "$4" "$1/alerts.txt" 100 1000 \${5:+"$5"} >"$4/out"; cat "$1/alerts.txt" >"$4/alerts"`;
    const disk = join(folder, "disk");
    mkdirSync(disk);
    inMountNamespace(script, disk, process.execPath, WRITER, folder);
    const { said, counts } = JSON.parse(readFileSync(join(folder, "out"), "utf8")) as Written;
    const lines = readFileSync(join(folder, "alerts"), "utf8").split("\n");
    const file = counts["file_output"];
    assert.equal(lines.pop(), "", "the last line is whole");
    assert.equal(lines.length, file?.delivered);
    assert.equal((file?.delivered ?? 0) + (file?.dropped["the disk is full (ENOSPC)"] ?? 0), 100);
    assert.equal(counts["report"]?.delivered, 100);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /disk\/alerts.txt": the disk is full \(ENOSPC\); alerts wait/);
  },
);

test(
  "a file output reports a read-only file system at the start",
  { skip: mountsMissing() },
  (t) => {
    const folder = scratch(t);
    writeFileSync(join(folder, "alerts.txt"), "");
    const script = `mount --bind "$1/alerts.txt" "$1/alerts.txt"; mount -o remount,bind,ro "$1/alerts.txt"; "$2" "$3" "$1" "$1/alerts.txt" 2`;
    const { said, counts } = JSON.parse(
      inMountNamespace(script, folder, process.execPath, WRITER),
    ) as Written;
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /alerts.txt": the file system is read-only \(EROFS\)/);
    assert.deepEqual(counts["file_output"]?.dropped, { "the file system is read-only (EROFS)": 2 });
  },
);

test(
  "a file output that is the report through a bind mount writes each alert once",
  { skip: mountsMissing() },
  (t) => {
    const folder = scratch(t);
    writeFileSync(join(folder, "falco_report.txt"), "");
    writeFileSync(join(folder, "mounted"), "");
    const script = `mount --bind "$1/falco_report.txt" "$1/mounted"; "$2" "$3" "$1" "$1/mounted" 3`;
    const { said, counts } = JSON.parse(
      inMountNamespace(script, folder, process.execPath, WRITER),
    ) as Written;
    assert.equal(readFileSync(join(folder, "falco_report.txt"), "utf8").split("\n").length, 4);
    assert.equal(counts["file_output"]?.duplicates, 3);
    assert.equal(said.length, 1);
  },
);

test("who only asks whether a file can be written makes none", async (t) => {
  const folder = scratch(t);
  const look = (path: string) => {
    const format = (): undefined => undefined;
    const context = { claims: new FileClaims(), onNote: () => {} };
    return fileDestination({ name: "file", path, format, context }).look?.();
  };
  assert.equal(await look(join(folder, "a", "b", "alerts.txt")), undefined);
  assert.throws(() => statSync(join(folder, "a")), { code: "ENOENT" });
  assert.match((await look(folder)) ?? "", /folder|directory/);
});
