import assert from "node:assert/strict";
import { test } from "node:test";
import {
  capturedEvent,
  descriptorEntry,
  SMALL_HOST,
  threadEntry,
} from "../../test/fixtures/captures.ts";
import type { HostEntries, ThreadEntry } from "./host-entries.ts";
import { ThreadTable } from "./thread-table.ts";

function tableOf(threads: readonly ThreadEntry[], more: Partial<HostEntries> = {}, capacity = 100) {
  const table = new ThreadTable({ capacity });
  table.enter({ ...SMALL_HOST, threads, ...more });
  return table;
}

const init = threadEntry({ tid: 1, ptid: 0, comm: "init" });
const shell = threadEntry();
const exit = (tid: number, reaper = 0) =>
  capturedEvent("procexit", { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: reaper }, { tid });
const tick = (tid = 1) => capturedEvent("read", { res: 0, data: "", fd: 99, size: 1 }, { tid });

test("ThreadTable.enter() takes the place of all that was known, in any order of the list", () => {
  const worker = threadEntry({ tid: 101, pid: 100, ptid: 1, comm: "worker" });
  const table = tableOf([worker, shell, init]);
  assert.equal(table.size, 3);
  assert.equal(table.bootTime, SMALL_HOST.machine?.bootTime);
  const [leader, further] = [table.find(100), table.find(101)];
  assert.equal(leader?.group, further?.group);
  assert.equal(leader?.group.alive, 2);
  assert.deepEqual([...(leader?.group.descriptors.keys() ?? [])], [0, 3, 4]);
  assert.deepEqual(
    [...(table.find(1)?.children ?? [])].map(({ tid }) => tid).toSorted((a, b) => a - b),
    [100, 101],
  );
  table.enter({ ...SMALL_HOST, threads: [init] });
  assert.deepEqual([table.size, table.get(100), table.find(1)?.children.size], [1, undefined, 0]);
});

test("ThreadTable.apply() makes a thread known that nothing told of, by its own events alone", () => {
  const table = tableOf([init]);
  table.apply(tick(7));
  assert.equal(table.thread?.isUnknown, true);
  assert.deepEqual([table.thread?.process.comm, table.thread?.process.pid], ["<NA>", -1]);
  assert.deepEqual([table.descriptor?.number, table.descriptor?.isUnknown], [99, true]);
  const { thread } = table;
  table.apply(tick(7));
  assert.equal(table.thread, thread);
});

test("ThreadTable keeps as many threads as it has room for, and counts the others", () => {
  const table = tableOf([init], {}, 3);
  for (let tid = 10; tid < 20; tid += 1) {
    table.apply(tick(tid));
    assert.equal(table.thread?.tid, tid);
  }
  assert.deepEqual([table.size, table.refused], [3, 8]);
  // A place becomes free with its thread.
  table.apply(exit(10));
  table.apply(tick(1));
  table.apply(tick(30));
  assert.deepEqual([table.size, table.find(30)?.tid], [3, 30]);
});

test("ThreadTable shows what a close is about, and has it no more at the next event", () => {
  const table = tableOf([init, shell]);
  table.apply(capturedEvent("close", { res: 0, fd: 0 }));
  assert.equal(table.descriptor?.name, "/dev/null");
  assert.equal(table.thread?.group.descriptors.has(0), true);
  table.apply(tick());
  assert.equal(table.find(100)?.group.descriptors.has(0), false);
});

test("ThreadTable shows who exits, and has it no more at the next event", () => {
  const table = tableOf([init, shell]);
  table.apply(exit(100));
  assert.equal(table.thread?.process.comm, "sh");
  assert.equal(table.find(100)?.hasExited, true);
  table.apply(tick());
  assert.equal(table.find(100), undefined);
});

test("ThreadTable keeps a leader that has exited until the last of its threads goes", () => {
  const worker = threadEntry({ tid: 101, pid: 100 });
  const table = tableOf([init, shell, worker]);
  table.apply(exit(100));
  table.apply(capturedEvent("close", { res: 0, fd: 4 }, { tid: 101 }));
  assert.equal(
    table.descriptor?.name,
    "/run/docker.sock",
    "threads share what the leader had open",
  );
  table.apply(exit(101));
  table.apply(tick());
  assert.deepEqual([table.find(100), table.find(101)], [undefined, undefined]);
});

test("ThreadTable gives orphans to whom the kernel says", () => {
  const child = threadEntry({ tid: 200, ptid: 100 });
  const other = threadEntry({ tid: 300 });
  const table = tableOf([init, shell, child, other]);
  table.apply(exit(100, 300));
  table.apply(tick());
  assert.equal(table.get(200)?.ppid, 300);
  assert.deepEqual(
    [...(table.find(300)?.children ?? [])].map(({ tid }) => tid),
    [200],
  );
});

test("ThreadTable gives orphans to a thread of the same process, else to the nearest reaper", () => {
  const child = threadEntry({ tid: 200, ptid: 101 });
  const [worker, second] = [101, 102].map((tid) => threadEntry({ tid, pid: 100, ptid: 50 }));
  const reaper = threadEntry({ tid: 50 });
  const leader = threadEntry({ ptid: 50 });
  const table = tableOf([
    init,
    reaper,
    leader,
    ...[worker, second].filter((one) => one !== undefined),
    child,
  ]);
  table.apply(
    capturedEvent("prctl", { res: 0, option: 36, arg2_str: "", arg2_int: 1 }, { tid: 50 }),
  );
  table.apply(exit(101));
  table.apply(tick());
  assert.equal(table.get(200)?.ppid, 100);
  table.apply(exit(102));
  table.apply(exit(100));
  table.apply(tick());
  assert.equal(table.get(200)?.ppid, 50);
});

test("ThreadTable ends with orphans of a hostile list whose parents are each other's", () => {
  const ring = [200, 201, 202].map((tid, index, all) =>
    threadEntry({ tid, ptid: all[(index + 1) % all.length] ?? 0 }),
  );
  const own = threadEntry({ tid: 300, ptid: 300 });
  const table = tableOf([...ring, own]);
  for (const tid of [300, 200, 201, 202]) table.apply(exit(tid));
  table.apply(tick());
  assert.deepEqual(
    [200, 201, 202, 300].map((tid) => table.find(tid)),
    Array(4).fill(undefined),
  );
});

test("ThreadTable.directoryOf() is the current one, a descriptor's, or unknown", () => {
  const descriptors = new Map([[100, [descriptorEntry(5, { name: "/data", type: 2 })]]]);
  const table = tableOf([init, shell], { descriptors });
  const thread = table.find(100);
  assert.ok(thread !== undefined);
  assert.deepEqual(
    [undefined, -100, 5, 6].map((dirfd) => table.directoryOf(thread, dirfd)),
    ["/srv/", "/srv/", "/data/", "<UNKNOWN>"],
  );
});

test("ThreadTable.changeGroup() changes what the threads of a process have in common, as chdir does", () => {
  const worker = threadEntry({ tid: 101, pid: 100 });
  const table = tableOf([init, shell, worker]);
  table.apply(capturedEvent("chdir", { res: 0, path: "../var" }, { tid: 101 }));
  assert.deepEqual(
    [table.get(100)?.cwd, table.get(101)?.cwd, table.get(1)?.cwd],
    ["/var/", "/var/", "/srv/"],
  );
});
