import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { hasKprobes } from "../bpf/kprobe.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT } from "../events/record.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { openProbe, type ProbeVariant } from "./probe.ts";

const ACTOR = fileURLToPath(new URL("./_path-actor.ts", import.meta.url));
const CALLS: ReadonlySet<string> = new Set(
  "rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir mkdir mkdirat chmod fchmodat chown fchownat execve".split(
    " ",
  ),
);

interface Row {
  readonly words: readonly string[];
  readonly led: readonly (string | null)[];
  readonly always: boolean;
}

const VARIANTS = { tp_btf: "saker", raw_tp: "saker-rawtp", classic: "saker-classic" } as const;

for (const [variant, object] of Object.entries(VARIANTS) as [ProbeVariant, string][]) {
  test(
    `links, renames and the like tell where their paths led (${object})`,
    { skip: whyNoBpf() },
    (t) => tellPaths(t, variant),
  );
}

async function tellPaths(t: TestContext, variant: ProbeVariant): Promise<void> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "saker-paths-")));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const probe = openProbe({ ringBytes: 1 << 22, ownPid: process.pid, variant });
  t.after(() => probe.close());
  if (!probe.seesPaths)
    return t.skip("this kernel has no kprobes, and this object no tracepoint for it");
  probe.setEnabled(
    new Set(EVENT_TYPES.flatMap((type) => (type && CALLS.has(type.name) ? [type.code] : []))),
  );
  const { events, received } = startedEvents(probe);
  const child = spawnSync(process.execPath, [ACTOR, dir], { encoding: "utf8" });
  assert.equal(child.status, 0, child.stderr);
  const { rows, script } = JSON.parse(child.stdout) as { rows: readonly Row[]; script: number };
  await drained(probe, received);
  const own = events.filter((one) => one.contextU32(CONTEXT.pid) === child.pid);
  for (const { words, led, always } of rows) {
    if (!always && !hasKprobes()) continue;
    const found = own.find((one) => wordsOf(one).join(" ") === words.join(" "));
    assert.ok(found !== undefined, words.join(" "));
    assert.deepEqual([found.resolved ?? null, found.resolvedSecond ?? null], led, words.join(" "));
  }
  const [started] = events.filter((one) => one.contextU32(CONTEXT.pid) === script);
  assert.ok(started !== undefined);
  const shell = realpathSync("/bin/sh");
  assert.equal(started.resolvedSecond, shell, "the interpreter");
  if (hasKprobes()) assert.equal(started.resolved, `${dir}/etc/script`, "the script");
}

function wordsOf(event: Event): string[] {
  return (event.type?.params ?? []).flatMap(({ type }, index) =>
    ["FSPATH", "FSRELPATH", "CHARBUF"].includes(type)
      ? [event.text(index) ?? ""].filter((text) => text !== "")
      : [],
  );
}
