import assert from "node:assert/strict";
import { mkdtempSync, readlinkSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { inOpenedTree } from "../../test/fixtures/tree-opener.ts";
import { hasKprobes } from "../bpf/kprobe.ts";
import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { openProbe } from "./probe.ts";

const TREES = Number(process.env["SAKER_FUZZ_TREES"] ?? 4);
const skip = whyNoBpf() || (process.getuid?.() === 0 ? false : "needs root, to mount");
const IS_EXACT = hasKprobes();

interface Moved {
  readonly call: string;
  readonly words: readonly string[];
  readonly fds: readonly number[];
  readonly names: readonly string[];
}

test(
  "a link's and a rename's own paths are where /proc says, in random trees of links, mounts and chroots",
  { skip },
  async (t) => {
    const probe = openProbe({ ringBytes: 1 << 23, ownPid: process.pid });
    t.after(() => probe.close());
    if (!probe.seesPaths) return t.skip("this kernel shows no paths");
    probe.setEnabled(new Set(["linkat", "renameat2"].map((name) => eventType(name).code)));
    const { events, received } = startedEvents(probe, (event) => event.int(0) === 0);
    let [told, untold] = [0, 0];
    for (let tree = 0; tree < TREES; tree += 1) {
      const seed = (Date.now() + tree * 7919) >>> 0;
      await inTree(t, seed, async (pid, moves) => {
        await drained(probe, received);
        const own = events.filter((one) => one.contextU32(CONTEXT.pid) === pid);
        for (const move of moves) {
          const found = own.find((one) => one.text(2) === move.words[0]);
          assert.ok(found !== undefined, `seed ${seed}: ${move.words.join(" ")}`);
          for (const [index, path] of [found.resolved, found.resolvedSecond].entries()) {
            if (path === undefined) untold += 1;
            else told += 1;
            requirePath(path, { pid, move, index, seed });
          }
        }
      });
      events.length = 0;
    }
    assert.ok(told > 20 * TREES, `${told} paths told`);
    t.diagnostic(`${told} paths told, ${untold} not`);
  },
);

interface Place {
  readonly pid: number;
  readonly move: Moved;
  readonly index: number;
  readonly seed: number;
}

/** Without kprobes a path may be missing, or go by another mount of the same folder. */
function requirePath(path: string | undefined, { pid, move, index, seed }: Place): void {
  const fd = `/proc/${pid}/fd/${move.fds[index]}`;
  const folder = readlinkSync(fd);
  const expected = `${folder === "/" ? "" : folder}/${move.names[index]}`;
  const text = `seed ${seed}: ${move.call} ${move.words[index]}`;
  if (IS_EXACT || path === expected) return assert.equal(path, expected, text);
  if (path === undefined) return;
  assert.ok(path.endsWith(`/${move.names[index]}`), `${text}: ${path}`);
  // In its namespace, or below what is mounted there.
  const inodes = [`/proc/${pid}/root`, ""].map(
    (root) => statSync(`${root}${dirname(path)}`, { throwIfNoEntry: false })?.ino,
  );
  assert.ok(inodes.includes(statSync(fd).ino), `${text}: ${path}`);
}

async function inTree(
  t: TestContext,
  seed: number,
  look: (pid: number, moves: readonly Moved[]) => Promise<void>,
): Promise<void> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "saker-moves-")));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const acts = IS_EXACT ? "moves-and-chroot" : "moves";
  await inOpenedTree([base, String(seed), acts], (pid, told) =>
    look(pid, told as readonly Moved[]),
  );
}
