import assert from "node:assert/strict";
import { test } from "node:test";
import { eventType } from "../events/schema.ts";
import { DEFAULT_BASE_SYSCALLS, selectedCalls, wantedCalls } from "./selected-calls.ts";
import { GENERIC_CALLS } from "../events/system-calls.ts";

const codes = (...names: readonly string[]) => new Set(names.map((name) => eventType(name).code));
const calls = (...names: readonly string[]) =>
  new Set(names.flatMap((name) => GENERIC_CALLS.get(name) ?? []));

test("selectedCalls() holds reads and writes back, whoever asks, until all are wanted", () => {
  const asked = ["read", "open"];
  assert.ok(!selectedCalls(asked, DEFAULT_BASE_SYSCALLS).has("read"));
  assert.ok(selectedCalls(asked, { ...DEFAULT_BASE_SYSCALLS, all: true }).has("read"));
  assert.ok(!selectedCalls(["open"], { ...DEFAULT_BASE_SYSCALLS, all: true }).has("read"));
});

test("wantedCalls() are those of rules, and those that the configuration names", () => {
  const asked = {
    eventCodes: codes("read", "accept", "syscall", "asyncevent"),
    genericCalls: calls("sysinfo", "syncfs"),
  };
  assert.deepEqual(wantedCalls(asked, DEFAULT_BASE_SYSCALLS), {
    codes: codes("accept", "syscall", "asyncevent"),
    genericCalls: calls("sysinfo", "syncfs"),
  });
  const customSet = ["!accept", "!syncfs", "quotactl", "tee"];
  assert.deepEqual(wantedCalls(asked, { customSet, repair: false, all: true }), {
    codes: codes("read", "syscall", "asyncevent", "quotactl"),
    genericCalls: calls("sysinfo", "tee"),
  });
});
