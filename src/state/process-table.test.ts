import assert from "node:assert/strict";
import { test } from "node:test";
import { event } from "../../test/fixtures/records.ts";
import type { Process } from "./process.ts";
import { NOBODY, ProcessTable } from "./process-table.ts";

const shell: Process = {
  ...NOBODY,
  pid: 50,
  ppid: 1,
  comm: "sh",
  exe: "sh",
  exepath: "/bin/sh",
  cwd: "/root/",
  startBoot: 5_000_000_000,
};

function tableWith(...processes: Process[]): ProcessTable {
  const table = new ProcessTable({ capacity: 100, find: () => undefined });
  for (const process of processes) table.set(process);
  return table;
}

test("ProcessTable.apply() makes a child of its parent's program, and a new program of execve", () => {
  const table = tableWith(shell);
  const child = { pid: 60, ppid: 50, startTime: 9_000_000_000 };
  const forked = table.apply(event("clone", { res: 0, comm: "sh", flags: 0 }, { context: child }));
  assert.deepEqual([forked.exepath, forked.cwd, forked.comm], ["/bin/sh", "/root/", "sh"]);
  const executed = table.apply(
    event(
      "execve",
      {
        res: 0,
        exe: "nc",
        args: ["-l", "80"],
        cwd: "/tmp",
        comm: "nc",
        trusted_exepath: "/bin/nc",
        tty: 34816,
        vpgid: 60,
        cap_effective: 1n,
      },
      { context: child },
    ),
  );
  assert.deepEqual(
    [executed.comm, executed.args, executed.cwd, executed.exepath, executed.tty],
    ["nc", ["-l", "80"], "/tmp/", "/bin/nc", 34816],
  );
  assert.equal(forked.comm, "sh", "whoever holds the process from before the execve still sees it");
});

test("ProcessTable.apply() leaves the process alone when execve failed", () => {
  const table = tableWith(shell);
  assert.equal(
    table.apply(event("execve", { res: -2, exe: "nc" }, { context: { pid: 50 } })).comm,
    "sh",
  );
});

test("ProcessTable.apply() takes new credentials from the context of any event", () => {
  const table = tableWith(shell);
  assert.equal(
    table.apply(event("chdir", { res: 0, path: ".." }, { context: { pid: 50, uid: 33 } })).uid,
    33,
  );
  assert.equal(table.get(50)?.cwd, "/");
});

test("ProcessTable.apply() knows a reused pid by its start time", () => {
  const table = tableWith(shell);
  const other = table.apply(
    event("setsid", { res: 50 }, { context: { pid: 50, startTime: 99_000_000_000, comm: "new" } }),
  );
  assert.equal(other.exepath, "");
  assert.equal(other.comm, "new");
});

test("ProcessTable.apply() shows a process as it was before the snapshot, until its execve comes", () => {
  const [runc, web] = [
    { ...shell, comm: "runc", exepath: "/usr/bin/runc" },
    { ...shell, pid: 60, ppid: 50, comm: "nginx", exepath: "/usr/sbin/nginx" },
  ];
  const table = tableWith(runc, web);
  table.snapshotTaken(1_000n);
  const at = (timestamp: bigint, comm: string, more = {}) => ({
    timestamp,
    context: { pid: 60, tid: 60, ppid: 50, startTime: shell.startBoot, comm, ...more },
  });
  const mounted = table.apply(event("mount", { res: 0 }, at(500n, "runc:[2:INIT]")));
  assert.deepEqual([mounted.comm, mounted.exepath], ["runc:[2:INIT]", "/usr/bin/runc"]);
  assert.equal(table.get(60)?.exepath, "/usr/sbin/nginx");
  const executed = { res: 0, exe: "nginx", comm: "nginx", trusted_exepath: "/usr/sbin/nginx" };
  table.apply(event("execve", executed, at(600n, "nginx")));
  const opened = table.apply(event("mount", { res: 0 }, at(700n, "nginx")));
  assert.deepEqual([opened.comm, opened.exepath], ["nginx", "/usr/sbin/nginx"]);
  // A thread has a name of its own, and a program may rename itself once it runs.
  const thread = table.apply(event("mount", { res: 0 }, at(800n, "worker", { tid: 61 })));
  const renamed = table.apply(event("mount", { res: 0 }, at(1_200n, "nginx: master")));
  assert.deepEqual([thread.exepath, renamed.exepath], ["/usr/sbin/nginx", "/usr/sbin/nginx"]);
});

test("ProcessTable.apply() looks up a process whose fork and exec were lost", () => {
  const table = new ProcessTable({
    capacity: 10,
    find: (pid) => ({ ...shell, pid, startBoot: 5_000_000_000 }),
  });
  assert.equal(
    table.apply(event("chdir", { res: -1 }, { context: { pid: 70 } })).exepath,
    "/bin/sh",
  );
  assert.equal(table.found, 1);
});

test("ProcessTable.markStale() has each process looked up once more when it acts", () => {
  const other: Process = { ...shell, comm: "nc", exe: "nc", exepath: "/bin/nc", args: ["-l"] };
  let lookups = 0;
  const table = new ProcessTable({
    capacity: 10,
    find: (pid) => ((lookups += 1), pid === 50 ? other : undefined),
  });
  table.set(shell);
  table.set({ ...shell, pid: 51 });
  const act = (pid: number): Process =>
    table.apply(event("setsid", { res: pid }, { context: { pid, startTime: shell.startBoot } }));
  assert.equal(act(50).exepath, "/bin/sh");
  table.markStale();
  assert.deepEqual(
    [act(50).exepath, act(50).args, table.get(50)?.comm, table.refreshed, lookups],
    ["/bin/nc", ["-l"], "nc", 1, 1],
  );
  // One that has ended meanwhile stays as it was.
  assert.deepEqual([act(51).exepath, table.refreshed, lookups], ["/bin/sh", 1, 2]);
});

test("ProcessTable.refresh() looks up so many, those first that acted when no more could be found", () => {
  const looked: number[] = [];
  const table = new ProcessTable({
    capacity: 10,
    find: (pid) => (looked.push(pid), { ...shell, pid, exepath: "/bin/other" }),
    findings: 1,
  });
  for (const pid of [51, 52, 53, 54, 55]) table.set({ ...shell, pid });
  const act = (pid: number): string =>
    table.apply(event("setsid", { res: -1 }, { context: { pid, startTime: shell.startBoot } }))
      .exepath;
  table.markStale();
  assert.deepEqual([act(55), act(54), act(53)], ["/bin/other", "/bin/sh", "/bin/sh"]);
  assert.deepEqual([looked, table.stale], [[55], 4]);
  table.refresh(3);
  assert.deepEqual([looked, table.stale], [[55, 54, 53, 51], 1]);
  assert.deepEqual([act(54), act(52)], ["/bin/other", "/bin/sh"]);
  table.allowFinding();
  assert.deepEqual([act(52), table.stale, table.refreshed], ["/bin/other", 0, 5]);
});

test("ProcessTable finds a process later whose fork was lost when no more could be found", () => {
  const table = new ProcessTable({ capacity: 10, find: (pid) => ({ ...shell, pid }), findings: 0 });
  const act = (): string =>
    table.apply(event("setsid", { res: -1 }, { context: { pid: 70, startTime: shell.startBoot } }))
      .exepath;
  assert.deepEqual([act(), table.found, table.stale], ["", 0, 1]);
  table.refresh(10);
  assert.deepEqual([act(), table.stale], ["/bin/sh", 0]);
});

test("ProcessTable looks up a process again whose arguments could not be read, but not for ever", () => {
  let args: readonly string[] | undefined;
  let looks = 0;
  const held = { ...shell, exe: "", args: [] };
  const table = new ProcessTable({
    capacity: 10,
    findings: 10,
    find: () => ((looks += 1), args === undefined ? held : { ...shell, args }),
  });
  table.set(held);
  const turn = (): void => {
    table.allowFinding();
    table.refresh(10);
  };
  turn();
  assert.deepEqual([table.get(50)?.exe, looks, table.stale], ["", 1, 0]);
  args = ["-c", "id"];
  turn();
  turn();
  assert.deepEqual([table.get(50)?.args, looks, table.refreshed], [args, 2, 0]);
  // What is known stays when it cannot be read now.
  args = undefined;
  table.markStale();
  turn();
  assert.deepEqual([table.get(50)?.exe, looks], ["sh", 3]);
  table.set({ ...held, pid: 51 });
  for (let turns = 0; turns < 100; turns += 1) turn();
  assert.ok(looks < 30, `${looks} looks`);
});

test("ProcessTable.setExecutable() adds to the program that was looked at, and to no other", () => {
  const facts = { exeInode: 7, exeCtime: 8n, exeMtime: 9n };
  const table = tableWith(shell);
  table.setExecutable({ ...shell, exepath: "/bin/other" }, facts);
  table.setExecutable({ ...shell, startBoot: 1 }, facts);
  assert.equal(table.get(50)?.exeInode, 0);
  table.setExecutable(shell, facts);
  assert.deepEqual([table.get(50)?.exeInode, table.get(50)?.exeMtime], [7, 9n]);
  table.setExecutable(shell, { ...facts, exeInode: 1 });
  assert.equal(table.get(50)?.exeInode, 7, "what an event has said stays");
});

test("ProcessTable holds a session's id in the process's own pid namespace", () => {
  const table = new ProcessTable({ capacity: 10, find: () => undefined });
  table.set({ ...shell, vpid: 7 });
  const { sid, pgid, vpgid, vpid } = table.apply(
    event("setsid", { res: 7 }, { context: { pid: 50, startTime: shell.startBoot } }),
  );
  assert.deepEqual([sid, pgid, vpgid, vpid], [7, 50, 7, 7]);
});

test("ProcessTable never holds more than its capacity", () => {
  const table = new ProcessTable({ capacity: 10, find: () => undefined });
  for (let pid = 1; pid <= 25; pid += 1)
    table.apply(event("setsid", { res: -1 }, { context: { pid } }));
  assert.deepEqual(
    [table.size, table.evicted, table.get(15), table.get(16)?.pid],
    [10, 15, undefined, 16],
  );
});

test("ProcessTable remembers an exited parent for its children's events", () => {
  const table = tableWith(shell);
  table.apply(event("procexit", { status: 0 }, { context: { pid: 50 } }));
  assert.equal(table.get(50)?.comm, "sh");
});

test("ProcessTable.apply() takes from a start what the process may use, and never from its parent", () => {
  const table = tableWith({
    ...shell,
    resources: {
      descriptorLimit: 9,
      majorFaults: 9,
      minorFaults: 9,
      virtualKb: 9,
      residentKb: 9,
      swappedKb: 9,
    },
    pidNamespaceStart: 3n,
  });
  const context = { pid: 60, ppid: 50 };
  const unseen = table.apply(event("setsid", { res: -1 }, { context: { pid: 70, ppid: 50 } }));
  const forked = table.apply(
    event(
      "clone",
      {
        res: 0,
        comm: "sh",
        fdlimit: 1024,
        pgft_maj: 1,
        pgft_min: 2,
        vm_size: 30,
        vm_rss: 4,
        vm_swap: 0,
        pidns_init_start_ts: 77,
      },
      { context },
    ),
  );
  const executed = table.apply(
    event("execve", { res: 0, exe: "nc", fdlimit: 1024, vm_size: 5000 }, { context }),
  );
  assert.deepEqual([unseen.resources, unseen.pidNamespaceStart], [undefined, 3n]);
  assert.deepEqual(forked.resources, {
    descriptorLimit: 1024,
    majorFaults: 1,
    minorFaults: 2,
    virtualKb: 30,
    residentKb: 4,
    swappedKb: 0,
  });
  assert.deepEqual(executed.resources, {
    descriptorLimit: 1024,
    majorFaults: undefined,
    minorFaults: undefined,
    virtualKb: 5000,
    residentKb: undefined,
    swappedKb: undefined,
  });
  assert.deepEqual([forked.pidNamespaceStart, executed.pidNamespaceStart], [77n, 77n]);
});
