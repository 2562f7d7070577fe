import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scene } from "../../test/fixtures/scenes.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { findShadowing } from "./shadowing.ts";

/**
 * "B by A on open", "B by A wholly", for rules A, B, … with these conditions, whatever else stands
 * before them.
 */
function shadowing(conditions: readonly string[], before = ""): string[] {
  const rules = conditions
    .map(
      (condition, index) =>
        `- rule: ${"ABCDEF"[index]}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: NOTICE\n`,
    )
    .join("");
  const loaded = loadRules([{ name: "r.yaml", text: before + rules }], { fields: FIELDS });
  assert.deepEqual(loaded.files[0]?.errors, []);
  return findShadowing(loaded.rules).map(
    ({ hidden, by, eventCodes, isWhole }) =>
      `${hidden.name} by ${by.name} ${isWhole ? "wholly" : `on ${[...eventCodes].map((code) => EVENT_TYPES[code]?.name).join(", ")}`}`,
  );
}

const HIDDEN: readonly (readonly [
  what: string,
  conditions: readonly string[],
  expected: readonly string[],
])[] = [
  [
    "the same condition",
    ["evt.type = listen and fd.sport = 80", "evt.type = listen and fd.sport = 80"],
    ["B by A wholly"],
  ],
  [
    "a condition that asks for nothing but the event",
    ["evt.type in (open, openat)", "evt.type = openat and fd.name = /etc/shadow"],
    ["B by A wholly"],
  ],
  [
    "a part of the later one's parts, in any order",
    ["evt.type = open and proc.name = a", "proc.tty = 0 and proc.name = a and evt.type = open"],
    ["B by A wholly"],
  ],
  [
    "a larger list",
    [
      "evt.type = open and proc.name in (a, b, c)",
      "evt.type = open and proc.name in (c, a) and proc.tty = 0",
    ],
    ["B by A wholly"],
  ],
  [
    "a list that holds the one value",
    ["evt.type = open and proc.name in (a, b)", "evt.type = open and proc.name = b"],
    ["B by A wholly"],
  ],
  [
    "a choice of which one is asked",
    [
      "evt.type = open and (proc.name = a or fd.name contains x)",
      "evt.type = open and fd.name contains x",
    ],
    ["B by A wholly"],
  ],
  [
    "each of the later one's choices",
    [
      "evt.type = open and proc.name in (a, b)",
      "evt.type = open and (proc.name = a or proc.name = b)",
    ],
    ["B by A wholly"],
  ],
  [
    "what excludes less",
    ["evt.type = open and not proc.name in (a)", "evt.type = open and not proc.name in (a, b)"],
    ["B by A wholly"],
  ],
  [
    "shared events alone",
    ["evt.type = open", "evt.type in (open, creat) and proc.name = a"],
    ["B by A on open"],
  ],
  [
    "the one before it that hides most",
    ["evt.type = open", "evt.type in (open, creat)", "evt.type in (open, creat) and proc.name = a"],
    ["B by A on open", "C by B wholly"],
  ],
];
for (const [what, conditions, expected] of HIDDEN) {
  test(`findShadowing() finds a rule hidden by ${what}`, () =>
    assert.deepEqual(shadowing(conditions), expected));
}

test("findShadowing() looks through macros, lists and exceptions", () => {
  const before =
    "- list: shells\n  items: [sh, bash]\n- macro: shell\n  condition: proc.name in (shells)\n";
  assert.deepEqual(
    shadowing(["evt.type = execve and shell", "evt.type = execve and proc.name = sh"], before),
    ["B by A wholly"],
  );
  const excepted =
    "- rule: X\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: NOTICE\n  exceptions: [{name: e, fields: [proc.name], comps: [in], values: [[[sh]]]}]\n";
  assert.deepEqual(shadowing(["evt.type = execve and proc.name = sh"], excepted), []);
  assert.deepEqual(shadowing(["evt.type = execve and not proc.name in (sh, ash)"], excepted), [
    "A by X wholly",
  ]);
});

const OPEN: readonly (readonly [what: string, conditions: readonly string[]])[] = [
  ["another event", ["evt.type = open", "evt.type = creat and proc.name = a"]],
  ["a narrower rule before it", ["evt.type = open and proc.name = a", "evt.type = open"]],
  [
    "a smaller list before it",
    ["evt.type = open and proc.name in (a)", "evt.type = open and proc.name in (a, b)"],
  ],
  [
    "more excluded before it",
    ["evt.type = open and not proc.name in (a, b)", "evt.type = open and not proc.name in (a)"],
  ],
  [
    "another field",
    ["evt.type = open and proc.name in (a, b)", "evt.type = open and proc.pname in (a)"],
  ],
  [
    "another ancestor",
    ["evt.type = open and proc.aname[2] = a", "evt.type = open and proc.aname[3] = a"],
  ],
  [
    "values that all must be met",
    [
      "evt.type = open and fd.name contains allof (a, b)",
      "evt.type = open and fd.name contains anyof (a, b)",
    ],
  ],
  [
    "one of two choices",
    ["evt.type = open and proc.name = a", "evt.type = open and (proc.name = a or proc.name = b)"],
  ],
  ["system calls that share an event", ["evt.type = acct", "evt.type = sync and proc.name = a"]],
];
for (const [what, conditions] of OPEN) {
  test(`findShadowing() claims nothing of ${what}`, () =>
    assert.deepEqual(shadowing(conditions), []));
}

test("findShadowing() claims nothing of conditions too large to compare", () => {
  const choice = (from: number): string =>
    Array.from(
      { length: 300 },
      (_, index) => `(proc.name = n${from + index} and proc.tty = ${index})`,
    ).join(" or ");
  assert.deepEqual(
    shadowing([
      `evt.type = open and (${choice(0)})`,
      `evt.type = open and (${choice(0)} or proc.name = z)`,
    ]),
    [],
  );
  assert.deepEqual(
    shadowing([`evt.type = open and (${choice(1)})`, `evt.type = open and (${choice(0)})`]),
    [],
  );
});

/**
 * Conditions over few fields and values, so that many of them have to do with each other;
 * `evt.arg.path` is missing on some events.
 */
const condition: fc.Arbitrary<string> = fc.letrec<{ whole: string; part: string; check: string }>(
  (tie) => ({
    whole: fc.oneof({ maxDepth: 3 }, tie("check"), tie("part")),
    part: fc.oneof(
      fc
        .array(tie("whole"), { minLength: 2, maxLength: 3 })
        .map((parts) => `(${parts.join(" and ")})`),
      fc
        .array(tie("whole"), { minLength: 2, maxLength: 3 })
        .map((parts) => `(${parts.join(" or ")})`),
      tie("whole").map((part) => `not ${part}`),
    ),
    check: fc.oneof(
      fc
        .subarray(["chdir", "fchdir", "mkdir", "sync"], { minLength: 1 })
        .map((names) => `evt.type in (${names.join(", ")})`),
      fc.constantFrom(
        "evt.type != chdir",
        "evt.type = mkdir",
        "proc.name = a",
        "proc.name != a",
        "proc.name exists",
        "evt.arg.path = /x",
        "evt.arg.path != /x",
        "evt.arg.path exists",
      ),
      fc
        .subarray(["a", "b", "c"], { minLength: 1 })
        .map((names) => `proc.name in (${names.join(", ")})`),
      fc
        .subarray(["/x", "/y"], { minLength: 1 })
        .map((names) => `evt.arg.path in (${names.join(", ")})`),
    ),
  }),
).whole;

const SCENES = ["a", "b", "c", "d"].flatMap((comm) => [
  ...["/x", "/y", "/z"].flatMap((path) => [
    scene("chdir", { res: 0, path }, { process: { comm } }),
    scene("mkdir", { res: 0, path, mode: 0 }, { process: { comm } }),
  ]),
  scene("fchdir", { res: 0, fd: 3 }, { process: { comm } }),
]);

test("findShadowing() claims nothing that is not so on any event", () => {
  let claims = 0;
  fc.assert(
    fc.property(condition, condition, (first, second) => {
      const text = [first, second]
        .map(
          (one, index) =>
            `- rule: ${"AB"[index]}\n  desc: d\n  condition: "${one}"\n  output: o\n  priority: NOTICE\n`,
        )
        .join("");
      const loaded = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
      assert.deepEqual(loaded.files[0]?.errors, []);
      for (const { hidden, by, eventCodes } of findShadowing(loaded.rules)) {
        claims += 1;
        for (const one of SCENES) {
          const isWrong =
            eventCodes.has(one.event.code) && hidden.condition(one) && !by.condition(one);
          assert.ok(
            !isWrong,
            `${one.event.type?.name} ${one.process?.comm}: "${second}" holds and "${first}" does not`,
          );
        }
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(claims > 300, `only ${claims} claims`);
});
