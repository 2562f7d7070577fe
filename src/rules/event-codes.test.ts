import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scene } from "../../test/fixtures/scenes.ts";
import { EVENT_TYPE_BY_NAME } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { compileCondition } from "./compile-condition.ts";
import { eventCodesOf, seenCodesOf } from "./event-codes.ts";
import { parseCondition } from "./parse-condition.ts";

const numRuns = Number(process.env["SAKER_FUZZ_RUNS"] ?? 2000);

const NAMES = ["open", "openat", "close", "execve", "connect", "procexit", "container", "getpid"];
const EVENTS = [
  "open",
  "openat",
  "close",
  "execve",
  "connect",
  "procexit",
  "container",
  "listen",
  "syscall",
  "asyncevent",
];

const name = fc.constantFrom(...NAMES);
const number = fc.constantFrom("0", "1", "2", "3", "18446744073709551615");
const listed = (values: fc.Arbitrary<string>) =>
  fc.array(values, { maxLength: 3 }).map((items) => `(${items.join(", ")})`);
const modified = (field: string, values: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.constantFrom("=", "!="), fc.constantFrom("oneof", "anyof", "allof"), listed(values))
    .map(([operator, modifier, list]) => `${field} ${operator} ${modifier} ${list}`);

const checks = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("evt.type", "syscall.type"),
      fc.constantFrom("=", "==", "!=", "contains", "startswith"),
      name,
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(
      fc.constantFrom("evt.type", "syscall.type"),
      fc.constantFrom("in", "intersects", "pmatch"),
      listed(name),
    )
    .map((parts) => parts.join(" ")),
  fc.constantFrom("evt.type", "syscall.type").chain((field) => modified(field, name)),
  fc
    .tuple(fc.constant("evt.num"), fc.constantFrom("=", "==", "!=", "<", "<=", ">", ">="), number)
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("evt.num"), fc.constantFrom("in", "intersects"), listed(number))
    .map((parts) => parts.join(" ")),
  modified("evt.num", number),
  fc.constantFrom(
    "evt.type exists",
    "syscall.type exists",
    "evt.num exists",
    "syscall.type = val(proc.name)",
    "syscall.type in val(proc.name)",
    "syscall.type != val(proc.name)",
    "evt.num = val(evt.num)",
    "evt.num in val(evt.num)",
    "evt.num != len(proc.name)",
    "evt.num = len(proc.name)",
    "toupper(syscall.type) = OPEN",
    "proc.name = open",
    "fd.num >= 0",
  ),
);

test("seenCodesOf() never leaves out an event that the condition matches", () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      nested(checks),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom("open", "sh", "o"),
      (condition, num, comm) => {
        const expression = parseCondition(condition);
        const [codes, { predicate }] = [
          seenCodesOf(expression),
          compileCondition(expression, FIELDS),
        ];
        for (const event of EVENTS) {
          const values = event === "asyncevent" ? { plugin_id: 0, name: "container" } : {};
          const shown = scene(event, values, { process: { comm } });
          shown.event.num = num;
          const isBucketed = codes.has(EVENT_TYPE_BY_NAME.get(event)?.code ?? -1);
          assert.ok(
            isBucketed || !predicate(shown),
            `${event} matches, and is not among the ${codes.size} codes`,
          );
          seen.add(isBucketed);
        }
      },
    ),
    { numRuns },
  );
  assert.equal(seen.size, 2, "some conditions leave events out");
});

for (const [condition, names] of [
  ["evt.type = open or evt.type in (close, openat)", ["close", "open", "openat"]],
  ["evt.type in (open, close) and not evt.type = close", ["open"]],
  ["evt.type = anyof (open, close)", ["close", "open"]],
  ["evt.num = 0", []],
  ["not evt.num >= 0", []],
  ["evt.type = getpid", ["syscall"]],
] as const) {
  test(`eventCodesOf() of ${condition}: ${names.join(" ") || "none"}`, () => {
    const codes = eventCodesOf(parseCondition(condition));
    assert.deepEqual(
      [...EVENT_TYPE_BY_NAME.values()]
        .filter((type) => codes.has(type.code))
        .map((type) => type.name)
        .toSorted(),
      [...names],
    );
  });
}

for (const condition of [
  "evt.type != anyof (open, close)",
  "not evt.type = allof (open, close)",
  "evt.num = anyof (0, 1)",
  "not evt.num != allof (0, 1)",
  "syscall.type = val(proc.name)",
  "evt.num in val(evt.num)",
  "not syscall.type = procexit",
  "evt.type != getpid",
]) {
  test(`eventCodesOf() of ${condition}: all`, () => {
    assert.deepEqual(
      eventCodesOf(parseCondition(condition)),
      eventCodesOf(parseCondition("proc.name = x")),
    );
  });
}

/** Conditions of a few levels over these checks. */
function nested(leaves: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.letrec<{ whole: string }>((tie) => ({
    whole: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaves,
      fc
        .array(tie("whole"), { minLength: 2, maxLength: 4 })
        .map((parts) => `(${parts.join(" and ")})`),
      fc
        .array(tie("whole"), { minLength: 2, maxLength: 4 })
        .map((parts) => `(${parts.join(" or ")})`),
      tie("whole").map((part) => `not ${part}`),
    ),
  })).whole;
}
