import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LineSource } from "./line-source.ts";

test("LineSource.follow() waits for the file, and follows it through rotation and truncation", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "saker-follow-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "alerts.json");
  const seen: string[] = [];
  const source = new LineSource((line) => seen.push(line));
  t.after(() => source.close());
  const until = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 50 && seen.length < count; turn += 1) await sleep(50);
  };
  source.follow(path);
  appendFileSync(path, "one\ntw");
  await until(1);
  appendFileSync(path, "o\n");
  await until(2);
  appendFileSync(path, "three\n");
  renameSync(path, `${path}.1`);
  appendFileSync(path, "four\n");
  await until(4);
  truncateSync(path);
  await sleep(250);
  appendFileSync(path, "5\n");
  await until(5);
  assert.deepEqual(seen, ["one", "two", "three", "four", "5"]);
});

test("LineSource.read() passes on the last line without an end", async () => {
  const seen: string[] = [];
  await new LineSource((line) => seen.push(line)).read(Readable.from([Buffer.from("a\nb\n\nc")]));
  assert.deepEqual(seen, ["a", "b", "c"]);
});
