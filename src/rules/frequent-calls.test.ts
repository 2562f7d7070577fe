import assert from "node:assert/strict";
import { test } from "node:test";
import { probeEvents } from "../events/probe-events.ts";
import { eventType } from "../events/schema.ts";
import { frequentCallsNote } from "./frequent-calls.ts";
import { DEFAULT_BASE_SYSCALLS, sentEvents } from "./selected-calls.ts";

const sent = (all: boolean) => sentEvents(probeEvents("x64"), { ...DEFAULT_BASE_SYSCALLS, all });
const rule = (name: string, ...events: readonly string[]) => ({
  name,
  eventCodes: new Set(events.map((event) => eventType(event).code)),
});

test("frequentCallsNote() names the rules and the calls that are sent for them", () => {
  const rules = [
    rule("A", "open", "read"),
    rule("B", "close", "futex"),
    rule("C", "execve", "syscall"),
  ];
  assert.match(
    frequentCallsNote(rules, sent(true)) ?? "",
    /^"A", "B" ask for read, close, futex, which programs make all the time: /,
  );
  assert.match(frequentCallsNote(rules, sent(false)) ?? "", /^"B" asks for close, futex, /);
  assert.equal(frequentCallsNote([rule("A", "read")], sent(false)), undefined);
});
