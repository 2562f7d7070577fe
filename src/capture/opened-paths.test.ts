import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { callFilterOf, OPEN_CODES } from "../events/call-filter.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT } from "../events/record.ts";
import { FIELDS } from "../fields/registry.ts";
import { callClausesOf } from "../rules/call-clauses.ts";
import { compileCondition } from "../rules/compile-condition.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { CurrentScene } from "../state/current-scene.ts";
import { NOBODY, ProcessTable } from "../state/process-table.ts";
import { openProbe } from "./probe.ts";

const OPENER = fileURLToPath(new URL("./_opener.ts", import.meta.url));

interface Row {
  readonly way: string;
  readonly words: string;
  readonly isDone: boolean;
}

const CONDITIONS: Readonly<Record<string, (dir: string) => string>> = {
  "its name": (dir) => `fd.name = ${dir}/etc/secret`,
  "its folder": (dir) => `fd.directory in (${dir}/etc) and fd.filename = secret`,
  "a beginning": (dir) => `fd.name startswith ${dir}/etc/sec`,
};

for (const [what, condition] of Object.entries(CONDITIONS)) {
  test(`a file is known however it was opened, by ${what}`, { skip: whyNoBpf() }, async (t) => {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), "saker-opened-")));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const { rows, sent, matched } = await watchOpener(t, dir, condition(dir));
    const isCutOff = statSync(dir).dev === statSync("/").dev;
    const others: readonly string[] = ["rewritten", "what lies beside it"];
    for (const { way, words, isDone } of rows) {
      if (!isDone || others.includes(way)) continue;
      // A tree that was cut off is known as far as its own file system goes.
      if (!isCutOff && (words.startsWith("./") || way === "open_tree of a file")) continue;
      assert.ok(matched.includes(words), `${way}: ${words.slice(0, 80)}`);
    }
    const ways = rows.filter(({ isDone, way }) => isDone && !others.includes(way));
    assert.ok(ways.length >= 11, ways.map(({ way }) => way).join(", "));
    assert.ok(!sent.includes(`${dir}/link/public`), "what lies beside it stays in the kernel");
    const rewritten = rows.filter(({ way }) => way === "rewritten").length;
    // Under another thread's pen the words are what stands there afterwards: the file counts.
    assert.ok(matched.length >= ways.length + rewritten, `${matched.length}`);
    t.diagnostic(`${ways.length} ways; ${rewritten} times the path was rewritten meanwhile`);
  });
}

test(
  "a folder that was renamed or mounted elsewhere is another one",
  { skip: whyNoBpf() },
  async (t) => {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), "saker-moved-")));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const { probe, opened, received } = filtered(t, `fd.directory in (${dir}/etc, ${dir}/mnt)`);
    // The same folder by the same words before and after: the kernel remembers what it was.
    const script = `mkdir ${dir}/x ${dir}/mnt; : > ${dir}/x/file; ln -s ${dir} ${dir}/link
    : < ${dir}/link/x/../x/file; : < ${dir}/link/x/file
    mv ${dir}/x ${dir}/etc; : < ${dir}/link/etc/file
    mv ${dir}/etc ${dir}/x; : < ${dir}/link/x/file
    mount --bind ${dir}/x ${dir}/mnt; : < ${dir}/link/mnt/file; umount -l ${dir}/mnt`;
    const child = spawnSync("unshare", ["-m", "/bin/sh", "-c", script], { encoding: "utf8" });
    assert.equal(child.status, 0, child.stderr);
    await drained(probe, received);
    const paths = opened().filter(({ words }) => words.startsWith(dir) && !words.includes(".."));
    assert.deepEqual(
      paths.map(({ words, resolved }) => [words, resolved]),
      [
        [`${dir}/link/etc/file`, `${dir}/etc/file`],
        [`${dir}/link/mnt/file`, `${dir}/mnt/file`],
      ],
    );
    probe.close();
  },
);

/** The opens that a condition on files leaves of everybody's. */
function filtered(t: TestContext, text: string) {
  const expression = parseCondition(`evt.type in (open, openat, openat2) and ${text}`);
  const probe = openProbe({ ringBytes: 1 << 22, ownPid: process.pid });
  t.after(() => probe.close());
  probe.setEnabled(new Set(OPEN_CODES));
  probe.setCallFilter(callFilterOf(callClausesOf(expression)));
  const { events, received } = startedEvents(probe);
  const opened = (): readonly { words: string; resolved: string | undefined }[] =>
    events.map((one) => ({ words: wordsOf(one), resolved: one.resolved }));
  return { probe, expression, events, opened, received };
}

function wordsOf(event: Event): string {
  return event.text(event.type?.name === "open" ? 1 : 2) ?? "";
}

/** What of the opener's opens fulfils the condition, by the words that it passed. */
async function watchOpener(t: TestContext, dir: string, text: string) {
  const { probe, expression, events, received } = filtered(t, text);
  const { predicate } = compileCondition(expression, FIELDS);
  const child = spawn(process.execPath, [OPENER, dir], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  for await (const chunk of child.stdout) out += String(chunk);
  const rows = JSON.parse(out).rows as readonly Row[];
  await drained(probe, received);
  const processes = new ProcessTable({ capacity: 10, find: () => undefined });
  const scene = new CurrentScene({ processes, hostname: "", utcOffsetMinutes: () => 0 });
  const own = events.filter((one) => one.contextU32(CONTEXT.pid) === child.pid);
  const matched = own.filter((one) =>
    scene.show(one, NOBODY, undefined, scene.accounts).holds(predicate),
  );
  return { rows, matched: matched.map(wordsOf), sent: own.map(wordsOf) };
}
