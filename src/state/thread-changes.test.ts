import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedHost, type CapturedValue } from "../../test/fixtures/captured-events.ts";
import { CLONE_FLAGS } from "../events/flag-names.ts";

/** The parameters of a clone's exit, in the parent (`result` is the child) or in the child (0). */
const clone = (result: number, tid: number, { pid = tid, ppid = 1, comm = "sh", flags = 0 } = {}) =>
  [
    result,
    comm,
    null,
    tid,
    pid,
    ppid,
    "",
    0,
    0,
    0,
    0,
    0,
    0,
    comm,
    null,
    flags,
    0,
    0,
    tid,
    pid,
    0,
  ] as const satisfies readonly CapturedValue[];

const exec = (tid: number, exepath: string, ppid = 1) =>
  [
    0,
    "good",
    null,
    tid,
    tid,
    ppid,
    "",
    0,
    0,
    0,
    0,
    0,
    0,
    "good",
    null,
    null,
    0,
    tid,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    exepath,
    100,
    0,
    exepath,
  ] as const satisfies readonly CapturedValue[];

test("a clone that returns behind its child's exit makes no child known", () => {
  const host = new CapturedHost();
  host.show("clone", 1, ...clone(24, 1, { ppid: 0 }));
  host.show("clone", 30, ...clone(0, 30, { ppid: 24 }));
  host.show("procexit", 30, 0, 0, 0, 0, 1);
  host.show("clone", 24, ...clone(30, 24));
  const later = host.show("kill", 24, 0, 30, 9);
  assert.equal(host.fields(later, "evt.args")["evt.args"], "res=0 pid=30 sig=9(SIGKILL)");
});

test("a clone that returns before its child's exit does", () => {
  const host = new CapturedHost();
  host.show("clone", 24, ...clone(30, 24));
  const later = host.show("kill", 24, 0, 30, 9);
  assert.equal(host.fields(later, "evt.args")["evt.args"], "res=0 pid=30(sh) sig=9(SIGKILL)");
});

test("a child that its parent's clone has just made known stays as it is", () => {
  const host = new CapturedHost();
  host.show("clone", 1, ...clone(24, 1, { ppid: 0 }));
  const child = host.show("clone", 24, ...clone(0, 24, { pid: 35, comm: "other" }));
  assert.deepEqual(host.fields(child, "proc.pid", "proc.name"), {
    "proc.pid": "24",
    "proc.name": "sh",
  });
});

test("an executable that is gone is told without the kernel's word for it", () => {
  const host = new CapturedHost();
  host.show("clone", 1, ...clone(24, 1, { ppid: 0 }));
  const started = host.show("execve", 24, ...exec(24, "/usr/bin/bad (deleted)"));
  const { "proc.exepath": exepath, "evt.arg.trusted_exepath": told } = host.fields(
    started,
    "proc.exepath",
    "evt.arg.trusted_exepath",
  );
  assert.deepEqual([exepath, told], ["/usr/bin/bad", "/usr/bin/bad (deleted)"]);
});

/** Init; 24 with its threads 25 and 26, of which each has a child (40, 41). */
function family(): CapturedHost {
  const host = new CapturedHost();
  host.show("clone", 1, ...clone(24, 1, { ppid: 0 }));
  for (const tid of [25, 26])
    host.show("clone", 24, ...clone(tid, 24, { flags: CLONE_FLAGS.CLONE_THREAD }));
  host.show("clone", 25, ...clone(40, 25, { pid: 24 }));
  host.show("clone", 26, ...clone(41, 26, { pid: 24 }));
  return host;
}

const threads = (host: CapturedHost, tid: number) =>
  host.fields(host.show("getsockname", tid), "proc.ppid", "proc.nthreads", "proc.nchilds");
const counts = (ppid: number | undefined, nthreads: number, nchilds: number) => ({
  "proc.ppid": ppid?.toString(),
  "proc.nthreads": String(nthreads),
  "proc.nchilds": String(nchilds),
});

test("the children of threads that an exec ends are their leader's", () => {
  const host = family();
  assert.deepEqual(threads(host, 24), counts(1, 3, 2));
  assert.deepEqual(threads(host, 40), counts(24, 1, 0));
  host.show("execve", 24, ...exec(24, "/usr/bin/parent"));
  assert.deepEqual(threads(host, 24), counts(1, 1, 0));
  for (const child of [40, 41]) assert.deepEqual(threads(host, child), counts(24, 1, 0));
  const scene = host.show("execve", 41, ...exec(41, "/usr/bin/child", 24));
  assert.deepEqual(host.fields(scene, "proc.pexepath", "proc.aexepath[2]", "proc.aexepath[3]"), {
    "proc.pexepath": "/usr/bin/parent",
    "proc.aexepath[2]": "/sbin/init",
    "proc.aexepath[3]": undefined,
  });
});

test("a leader that has exited lives again when a thread of its process runs a program", () => {
  const host = family();
  host.show("procexit", 24, 0, 0, 0, 0, 25);
  assert.deepEqual(threads(host, 25), counts(1, 2, 2));
  host.show("execve", 24, ...exec(24, "/usr/bin/parent"));
  assert.deepEqual(threads(host, 24), counts(1, 1, 0));
  assert.deepEqual(threads(host, 40), counts(24, 1, 0));
  host.show("procexit", 24, 0, 0, 0, 0, 1);
  assert.deepEqual(threads(host, 40), counts(1, 1, 0));
});

test("children are adopted by who the kernel says, else a thread beside, else the reaper above", () => {
  for (const reaper of [26, 0, -1, 5000]) {
    const host = family();
    host.show("procexit", 25, 0, 0, 0, 0, reaper);
    assert.deepEqual(threads(host, 40), counts(24, 1, 0), String(reaper));
  }
  const host = family();
  for (const tid of [25, 26, 24]) host.show("procexit", tid, 0, 0, 0, 0, 0);
  for (const child of [40, 41]) assert.deepEqual(threads(host, child), counts(1, 1, 0));
});

test("a thread that tells of a leader nobody knew has it as of its own namespace", () => {
  const host = new CapturedHost();
  const flags = CLONE_FLAGS.CLONE_THREAD;
  host.show("clone", 30, ...clone(0, 30, { pid: 24, flags }));
  const leader = host.show("getsockname", 24);
  assert.deepEqual(host.fields(leader, "thread.vtid", "proc.vpid", "proc.nthreads"), {
    "thread.vtid": "24",
    "proc.vpid": "24",
    "proc.nthreads": "2",
  });
});

test("a parent that nothing tells of is missing", () => {
  const host = new CapturedHost();
  host.show("clone", 24, ...clone(0, 24, { ppid: 7 }));
  assert.deepEqual(threads(host, 24), counts(undefined, 1, 0));
  host.show("clone", 60, ...clone(61, 60, { ppid: 7 }));
  assert.deepEqual(threads(host, 60), counts(undefined, 1, 0));
  assert.deepEqual(threads(host, 61), counts(60, 1, 0));
});
