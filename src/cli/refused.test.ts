import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { saker } from "../../test/fixtures/saker.ts";

const entry = (output: string, line: string): Readonly<Record<string, string>> => ({
  time: "2026-11-30T17:00:00.000Z",
  output,
  target: "http://127.0.0.1:1",
  reason: "it answers 400: no",
  line,
});

test("saker outputs refused shows what was refused, the newest last, and hostile text as text", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-refused-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const refused = (...args: readonly string[]) =>
    saker(["outputs", "refused", "--report", folder, ...args]);
  assert.match((await refused()).err, /nothing stands in \S+\/refused\.jsonl$/m);

  const lines = (...entries: readonly object[]): string =>
    entries.map((one) => `${JSON.stringify(one)}\n`).join("");
  writeFileSync(join(folder, "refused.jsonl.1"), lines(entry("loki", "old")));
  const hostile = entry("slack", "a\nb\u001b[2J");
  const broken = 'null\n[]\n{"time":1}\nnot JSON\n';
  writeFileSync(join(folder, "refused.jsonl"), lines(hostile, { leftOut: 4 }) + broken);
  const all = await refused();
  assert.equal(
    all.out,
    "2026-11-30T17:00:00.000Z  loki at http://127.0.0.1:1: it answers 400: no: old\n" +
      "2026-11-30T17:00:00.000Z  slack at http://127.0.0.1:1: it answers 400: no: a\\u000ab\\u001b[2J\n",
  );
  assert.match(all.err, /4 more came too fast to be kept/);
  assert.match(all.err, /4 lines of \S+ cannot be read/);
  const slack = await refused("slack", "--json");
  assert.deepEqual(JSON.parse(slack.out), hostile);
  assert.match(
    (await refused("teams")).err,
    /nothing of teams stands .*; it has lines of loki, slack/,
  );

  rmSync(join(folder, "refused.jsonl"));
  mkdirSync(join(folder, "refused.jsonl"));
  const folderInstead = await refused();
  assert.equal(folderInstead.code, 1);
  assert.match(folderInstead.err, /Cannot read "\S+refused\.jsonl": it is not a file/);
});
