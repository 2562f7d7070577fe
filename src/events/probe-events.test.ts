import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PROBE_EVENTS, PROBE_EVENT_NAMES } from "./probe-events.ts";

test("PROBE_EVENT_NAMES are the events of the probe's own table", () => {
  const table = readFileSync(new URL("../../probe/syscalls.h", import.meta.url), "utf8");
  const codes = [...table.matchAll(/\bEVENT_\w+ = (\d+)/g)].map(([, code]) => Number(code));
  assert.ok(codes.length > 60);
  assert.deepEqual(
    [...PROBE_EVENTS.codes].toSorted((a, b) => a - b),
    codes.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(PROBE_EVENT_NAMES).size, PROBE_EVENT_NAMES.length);
});
