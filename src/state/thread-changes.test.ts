import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedHost, type CapturedValue } from "../../test/fixtures/captured-events.ts";

/** The parameters of a clone's exit, in the parent (`result` is the child) or in the child (0). */
const clone = (result: number, tid: number, { pid = tid, ppid = 1, comm = "sh" } = {}) =>
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
    0,
    0,
    0,
    tid,
    pid,
    0,
  ] as const satisfies readonly CapturedValue[];

const exec = (tid: number, exepath: string) =>
  [
    0,
    "good",
    null,
    tid,
    tid,
    1,
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
