import assert from "node:assert/strict";
import { openSync, closeSync } from "node:fs";
import { test } from "node:test";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { openTracepoint } from "../bpf/tracepoint.ts";
import { openProbe } from "../capture/probe.ts";
import type { AppError } from "../lib/errors.ts";
import { ownCapabilities } from "../libc/capabilities.ts";
import { confine, INHERITED_PROBE, inheritedProbe } from "./confinement.ts";

// That the watch starts anew and what every thread then has: test/e2e/privileges.test.ts.

const inherited = (value: string) => inheritedProbe({ [INHERITED_PROBE]: value });

const isRefused = (error: AppError): boolean =>
  error.code === "CONFIG_PROBE" && /^start without SAKER_PROBE$/.test(error.hint ?? "");

test("inheritedProbe() of an environment without one is undefined", () => {
  assert.equal(inheritedProbe({}), undefined);
});

test("inheritedProbe() takes nothing that this very process has not set", () => {
  const fd = openSync("/dev/null", "r");
  const object = { maps: [{ name: "events", fd }], programs: [] };
  const whole = {
    pid: process.pid,
    variant: "tp_btf",
    seesIoUring: false,
    seesPaths: false,
    object,
  };
  for (const value of [
    "",
    "null",
    "[]",
    "{",
    "{}",
    // No descriptor at all, one that is no part of a probe, one that is not open, no number.
    JSON.stringify({ ...whole, object: { maps: [], programs: [] } }),
    JSON.stringify(whole),
    JSON.stringify({ ...whole, object: { ...object, maps: [], programs: [{ fd: 1 << 30 }] } }),
    JSON.stringify({ ...whole, object: { ...object, maps: [], programs: [{ fd: "../../exe" }] } }),
    JSON.stringify({ ...whole, object: { ...object, programs: 7 } }),
  ])
    assert.throws(() => inherited(value), isRefused, value);
  closeSync(fd);
});

test(
  "inheritedProbe() takes a probe of this process, and of no other",
  { skip: whyNoBpf() },
  (t) => {
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
    t.after(() => probe.close());
    const handed = probe.handOver();
    const text = (pid: number): string => JSON.stringify({ pid, ...handed });
    assert.deepEqual(inherited(text(process.pid)), JSON.parse(JSON.stringify(handed)));
    assert.throws(() => inherited(text(process.pid + 1)), isRefused);
  },
);

test(
  "inheritedProbe() takes the perf events that kprobes hang on, too",
  { skip: whyNoBpf() },
  (t) => {
    const event = openTracepoint("sched", "sched_process_exec");
    t.after(() => closeSync(event));
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
    t.after(() => probe.close());
    const { object, ...handed } = probe.handOver();
    const programs = object.programs.map((program, index) =>
      index === 0 ? { ...program, link: event } : program,
    );
    const text = JSON.stringify({ pid: process.pid, ...handed, object: { ...object, programs } });
    assert.equal(inherited(text)?.object.programs[0]?.link, event);
  },
);

test("confine() returns where the probe was taken over already, and changes nothing", () => {
  const before = ownCapabilities();
  confine({
    ringBytes: 1 << 20,
    ownPid: process.pid,
    entersNamespaces: false,
    startsNmap: false,
    listensAt: [],
    writes: [],
    environment: { [INHERITED_PROBE]: "{}" },
  });
  assert.deepEqual(ownCapabilities(), before);
});
