import assert from "node:assert/strict";
import { mkdtempSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { inOpenedTree } from "../../test/fixtures/tree-opener.ts";
import {
  type CallFilter,
  callFilterOf,
  OPEN_CODES,
  passesCallFilter,
} from "../events/call-filter.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { callClausesOf } from "../rules/call-clauses.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { openProbe, type ProbeSource } from "./probe.ts";

const OPENAT = eventType("openat").code;
const TREES = Number(process.env["SAKER_FUZZ_TREES"] ?? 6);
const skip = whyNoBpf() || (process.getuid?.() === 0 ? false : "needs root, to mount");

interface Row {
  readonly fd: number;
  readonly words: string;
  readonly flags: number;
}

/** An open of the tree's, with what /proc says that it led to. */
interface Opened extends Row {
  readonly path: string;
}

test(
  "an open's own path is what /proc says, in random trees of links, mounts and chroots",
  { skip },
  async (t) => {
    const probe = openedProbe(t);
    let compared = 0;
    for (let tree = 0; tree < TREES; tree += 1) {
      const seed = (Date.now() + tree * 7919) >>> 0;
      const { opened, events } = await openTree(t, { probe, seed });
      for (const { fd, words, path } of opened) {
        const event = events.find((one) => one.int(0) === fd && one.text(2) === words);
        assert.ok(event !== undefined, `seed ${seed}: ${words}`);
        assert.equal(event.resolved ?? event.text(2), path, `seed ${seed}: ${words}`);
        compared += 1;
      }
    }
    assert.ok(compared > 50 * TREES, `${compared} opens`);
    t.diagnostic(`${compared} opens`);
  },
);

const CONDITIONS: readonly ((base: string) => string)[] = [
  (base) => `fd.name = ${base}/a/shadow`,
  (base) => `fd.filename = shadow and fd.name startswith ${base}/a`,
  (base) => `fd.directory in (${base}/a/b, ${base}/.c, ${base})`,
  (base) => `fd.name startswith ${base}/long-name-of-a-folder/.c`,
  () => "fd.filename in (file, link1)",
  (base) => `fd.name startswith ${base}/`,
  () => "fd.directory = /",
  () => "fd.name startswith /shadow",
];

test("the kernel keeps of random trees what the filter's twin keeps", { skip }, async (t) => {
  const probe = openedProbe(t);
  let kept = 0;
  for (const [index, condition] of CONDITIONS.entries()) {
    const seed = (Date.now() + index * 104_729) >>> 0;
    let filter: CallFilter | undefined;
    const start = (base: string): void => {
      const text = `evt.type = openat and fd.num >= 0 and ${condition(base)}`;
      filter = callFilterOf(callClausesOf(parseCondition(text)));
      probe.source.setCallFilter(filter);
    };
    const { opened, events } = await openTree(t, { probe, seed, start });
    assert.ok(filter !== undefined);
    for (const { fd, words, flags, path } of opened) {
      const call = {
        code: OPENAT,
        result: fd,
        flags: flags === 0 ? 1 : 0x401,
        path: words,
        resolved: path,
      };
      const isSent = events.some((one) => one.int(0) === fd && one.text(2) === words);
      const text = `${condition("BASE")}, seed ${seed}: ${words} led to ${path}`;
      assert.equal(isSent, passesCallFilter(filter, call), text);
      if (!isSent) kept += 1;
    }
  }
  assert.ok(kept > 0, "something is kept, or this means nothing");
});

interface Probe {
  readonly source: ProbeSource;
  readonly events: Event[];
  readonly received: () => number;
}

function openedProbe(t: TestContext): Probe {
  const source = openProbe({ ringBytes: 1 << 23, ownPid: process.pid });
  t.after(() => source.close());
  source.setEnabled(new Set(OPEN_CODES));
  const isOpen = (event: Event): boolean => event.code === OPENAT && (event.int(0) ?? -1) >= 0;
  return { source, ...startedEvents(source, isOpen) };
}

interface Tree {
  readonly opened: readonly Opened[];
  readonly events: readonly Event[];
}

async function openTree(
  t: TestContext,
  { probe, seed, start }: { probe: Probe; seed: number; start?: (base: string) => void },
): Promise<Tree> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "saker-tree-")));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  start?.(base);
  probe.events.length = 0;
  return inOpenedTree([base, String(seed)], async (pid, told) => {
    const rows = told as readonly Row[];
    // Read from outside of its root, the links tell paths from that of all mounts.
    const opened = rows.map((row) => ({ ...row, path: readlinkSync(`/proc/${pid}/fd/${row.fd}`) }));
    await drained(probe.source, probe.received);
    const events = probe.events.filter((one) => one.contextU32(CONTEXT.pid) === pid);
    // Descriptors that Node itself opened and closed before may have had the same numbers.
    return { opened, events: events.toReversed() };
  });
}
