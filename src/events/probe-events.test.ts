import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { callRows, PROBE_EVENT_NAMES, probeEvents } from "./probe-events.ts";
import { eventType } from "./schema.ts";
import { GENERIC_CALLS, SYSTEM_CALLS } from "./system-calls.ts";

const HEADER = readFileSync(new URL("../../probe/syscalls.h", import.meta.url), "utf8");

test("PROBE_EVENT_NAMES are the events that the probe's C knows, by their codes", () => {
  const codes = new Map(
    [...HEADER.matchAll(/\bEVENT_(\w+) = (\d+)/g)].map(([, name = "", code]) => [
      name.toLowerCase(),
      Number(code),
    ]),
  );
  assert.ok(codes.size > 150);
  assert.deepEqual(new Map(PROBE_EVENT_NAMES.map((name) => [name, eventType(name).code])), codes);
});

test("every system call that is an event's own is one that the probe can send", () => {
  const untold = SYSTEM_CALLS.flatMap((call) =>
    call !== undefined && !PROBE_EVENT_NAMES.includes(call.event.name) ? [call.name] : [],
  );
  assert.deepEqual(untold, []);
});

test("callRows() holds what is asked for, and listen with the sockets' old call", () => {
  const none = new Set<number>();
  assert.deepEqual(
    [...callRows("x64", none, none)],
    [
      [50, [25, 2, 244, 50]],
      [512 + 363, [25, 2, 244, 50]],
      [512 + 102, [25, 255, 0, 102]],
    ],
  );
  const sysinfo = new Set([GENERIC_CALLS.get("sysinfo") ?? 0]);
  const rows = callRows("arm64", new Set([eventType("read").code]), sysinfo);
  assert.deepEqual(rows.get(63), [7, 11, 3, 63]);
  assert.deepEqual(rows.get(512 + 3), [7, 11, 3, 63]);
  assert.deepEqual(rows.get(179), [1, 6, [...sysinfo][0], 179]);
  assert.equal(rows.get(512 + 102), undefined);
});

test("a number is one call's on each architecture, wherever programs of it have it", () => {
  for (const architecture of ["x64", "i386", "arm64", "arm"] as const) {
    const numbers = SYSTEM_CALLS.flatMap((call) => call?.numbers[architecture] ?? []);
    assert.equal(new Set(numbers).size, numbers.length, architecture);
    assert.ok(Math.max(...numbers) < 512, architecture);
  }
});

test("probeEvents() leaves out calls that do not return, and those of other processors", () => {
  const { calls, codes } = probeEvents("arm64");
  const has = (name: string): boolean => calls.has(GENERIC_CALLS.get(name) ?? 0);
  assert.deepEqual(
    ["sysinfo", "fchmodat2", "exit_group", "s390_sthyi", "modify_ldt", "pread64"].map(has),
    [true, true, false, false, false, false],
  );
  assert.ok(codes.has(eventType("procexit").code));
});
