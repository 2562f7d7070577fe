import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { after, test, type TestContext } from "node:test";
import { until } from "../../test/fixtures/until.ts";
import { LineSource } from "./line-source.ts";

const directory = mkdtempSync(join(tmpdir(), "saker-follow-"));
after(() => rmSync(directory, { recursive: true }));

interface Followed {
  readonly source: LineSource;
  readonly lines: string[];
  readonly problems: string[];
  /** Waits for so many lines in all, and gives them. */
  readonly first: (count: number) => Promise<readonly string[]>;
}

function sourceOf(t: TestContext, onLine: (line: string) => void = () => {}): Followed {
  const lines: string[] = [];
  const problems: string[] = [];
  const source = new LineSource({
    onLine: (line) => {
      lines.push(line);
      onLine(line);
    },
    onProblem: (text) => problems.push(text),
  });
  t.after(() => source.close());
  const first = (count: number): Promise<readonly string[]> =>
    until(`${count} lines`, () => lines.length >= count && lines, {
      seen: () => JSON.stringify(lines),
    });
  return { source, lines, problems, first };
}

function pathOf(t: TestContext): string {
  return join(directory, t.name.replace(/\W+/g, "_").slice(-60));
}

test("LineSource.follow() gives each of many lines once and whole, whatever their length", async (t) => {
  const path = pathOf(t);
  const written = Array.from({ length: 5000 }, (_, index) =>
    JSON.stringify({ index, text: "é".repeat(index % 300) }),
  );
  writeFileSync(path, written.slice(0, 4000).join("\n"));
  const { source, first } = sourceOf(t);
  assert.equal(source.follow(path), true);
  await first(3999);
  appendFileSync(path, `\n${written.slice(4000).join("\n")}\n`);
  assert.deepEqual(await first(5000), written);
});

test("LineSource.follow() waits for a file that comes into being later", async (t) => {
  const path = join(pathOf(t), "alerts.json");
  const { source, first } = sourceOf(t);
  assert.equal(source.follow(path), false);
  mkdirSync(pathOf(t));
  writeFileSync(path, "one\n");
  assert.deepEqual(await first(1), ["one"]);
});

test("LineSource.follow() reads a file that was moved away on, beside its successor", async (t) => {
  const path = pathOf(t);
  const { source, first } = sourceOf(t);
  writeFileSync(path, "one\ntw");
  source.follow(path);
  await first(1);
  renameSync(path, `${path}.1`);
  writeFileSync(path, "new\n");
  await first(2);
  // Its writer goes on until it is told to open its file anew.
  appendFileSync(`${path}.1`, "o\n");
  await first(3);
  appendFileSync(path, "more\n");
  assert.deepEqual(await first(4), ["one", "new", "two", "more"]);
});

test("LineSource.follow() does not glue a line that was cut by a truncation to the next", async (t) => {
  const path = pathOf(t);
  const { source, first } = sourceOf(t);
  writeFileSync(path, "one\ntw");
  source.follow(path);
  await first(1);
  truncateSync(path);
  appendFileSync(path, "3\n");
  assert.deepEqual(await first(3), ["one", "tw", "3"]);
});

test("LineSource.follow() sees that a file was copied, truncated and has grown longer since", async (t) => {
  const path = pathOf(t);
  const { source, first } = sourceOf(t);
  writeFileSync(path, "one\ntwo\n");
  source.follow(path);
  await first(2);
  copyFileSync(path, `${path}.1`);
  writeFileSync(path, "three\nfour\nfive\n");
  assert.deepEqual(await first(5), ["one", "two", "three", "four", "five"]);
});

test("LineSource.follow() skips the hole that a writer leaves in a truncated file", async (t) => {
  const path = pathOf(t);
  const { source, first, problems } = sourceOf(t);
  writeFileSync(path, "one\n");
  source.follow(path);
  await first(1);
  truncateSync(path);
  truncateSync(path, 5 << 20);
  appendFileSync(path, "two\n");
  assert.deepEqual(await first(2), ["one", "two"]);
  assert.deepEqual(problems, []);
});

test("LineSource.follow() refuses a folder, a device and a socket at once", async (t) => {
  const socket = join(directory, "s");
  const server = createServer().listen(socket);
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const cases = [
    [directory, "it is a folder"],
    ["/dev/zero", "it is a device"],
    [socket, "it is a socket"],
    ["/etc/passwd/x", "a part of its path is no folder"],
  ] as const;
  for (const [path, state] of cases) {
    assert.throws(() => sourceOf(t).source.follow(path), {
      name: "AppError",
      code: "USAGE_FILE",
      message: `Cannot read "${path}": ${state}`,
    });
  }
});

test("LineSource.follow() reports once that a folder has taken the file's place, and goes on", async (t) => {
  const path = pathOf(t);
  const { source, first, problems } = sourceOf(t);
  writeFileSync(path, "one\n");
  source.follow(path);
  await first(1);
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  await until("the problem", () => problems.length > 0);
  appendFileSync(`${path}.1`, "two\n");
  await first(2);
  rmSync(path, { recursive: true });
  writeFileSync(path, "three\n");
  assert.deepEqual(await first(3), ["one", "two", "three"]);
  assert.deepEqual(problems, [`Cannot read "${path}": it is a folder`]);
});

test("LineSource.follow() reads a FIFO without ever waiting for a writer", async (t) => {
  const path = pathOf(t);
  execFileSync("mkfifo", [path]);
  const { source, first } = sourceOf(t);
  source.follow(path);
  const write = async (script: string): Promise<void> => {
    const writer = spawn("/bin/sh", ["-c", `exec > "$0"; ${script}`, path]);
    t.after(() => writer.kill("SIGKILL"));
    if (script.includes("sleep")) return;
    await new Promise((resolve) => writer.once("exit", resolve));
  };
  await write("printf 'one\\ntw'");
  await first(2);
  await write("printf 'three\\n'; exec sleep 60");
  assert.deepEqual(await first(3), ["one", "tw", "three"]);
});

test("LineSource loses no line but the one that its consumer throws at", async (t) => {
  const path = pathOf(t);
  const { source, first, problems } = sourceOf(t, (line) => {
    if (line.startsWith("bad")) throw new Error(`no use for ${line}`);
  });
  writeFileSync(path, "one\nbad 1\ntwo\nbad 2\nbad 3\nthree\n");
  source.follow(path);
  assert.equal((await first(6)).at(-1), "three");
  assert.deepEqual(problems, [
    "Cannot use a line: no use for bad 1",
    "Cannot use a line: no use for bad 2 (2 so far)",
  ]);
});

test("LineSource counts lines that are too long", async (t) => {
  const path = pathOf(t);
  const { source, first, problems } = sourceOf(t);
  writeFileSync(path, `${"a".repeat(3 << 20)}\none\n${"b".repeat(2 << 20)}\ntwo\n`);
  source.follow(path);
  assert.deepEqual(await first(2), ["one", "two"]);
  assert.equal(source.tooLong, 2);
  assert.equal(problems[0], "Cannot use a line: it is longer than 1 MiB");
});

test("LineSource.follow() leaves lines in the file while its consumer is busy", async (t) => {
  const path = pathOf(t);
  writeFileSync(path, `${"x".repeat(99)}\n`.repeat(5000));
  const lines: string[] = [];
  const source = new LineSource({
    onLine: (line) => lines.push(line),
    onProblem: assert.fail,
    isBusy: () => lines.length >= 1000,
  });
  t.after(() => source.close());
  source.follow(path);
  await until("the first lines", () => lines.length >= 1000);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.ok(lines.length < 2000, String(lines.length));
  lines.splice(0, 1000);
  await until("the next", () => lines.length >= 1000);
});

test("LineSource.close() in the midst of a piece ends it", async (t) => {
  const path = pathOf(t);
  writeFileSync(path, "one\ntwo\nthree\n");
  const followed = sourceOf(t, () => followed.source.close());
  followed.source.follow(path);
  await followed.first(1);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual(followed.lines, ["one"]);
});

test("LineSource.read() passes on the last line without an end", async (t) => {
  const { source, lines } = sourceOf(t);
  await source.read(Readable.from([Buffer.from("a\nb\n\nc")]));
  assert.deepEqual(lines, ["a", "b", "c"]);
});

test("LineSource.read() ends with close(), and says why a stream cannot be read", async (t) => {
  const open = sourceOf(t);
  const stream = new PassThrough();
  stream.write("a\nb");
  const reading = open.source.read(stream);
  await open.first(1);
  open.source.close();
  await reading;
  const broken = new Readable({ read: () => broken.destroy(new Error("the disk is gone")) });
  await assert.rejects(sourceOf(t).source.read(broken), {
    code: "USAGE_FILE",
    message: "Cannot read standard input: the disk is gone",
  });
});
