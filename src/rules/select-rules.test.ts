import assert from "node:assert/strict";
import { test } from "node:test";
import { compileWildcard, type RuleSelection, selectRules } from "./select-rules.ts";

const RULES = [
  { name: "Open a", tags: ["file"], enabled: true },
  { name: "Open b", tags: ["file", "x"], enabled: false },
  { name: "Run", tags: ["process"], enabled: true },
];

for (const [name, selections, selected] of [
  ["nothing", [], ["Open a", "Run"]],
  ["a name", [{ action: "disable", by: { rule: "Run" } }], ["Open a"]],
  [
    "a wildcard",
    [
      { action: "disable", by: { rule: "*" } },
      { action: "enable", by: { rule: "Open*" } },
    ],
    ["Open a", "Open b"],
  ],
  ["a tag", [{ action: "enable", by: { tag: "file" } }], ["Open a", "Run", "Open b"]],
  ["a tag, which is no pattern", [{ action: "disable", by: { tag: "f*" } }], ["Open a", "Run"]],
  [
    "a part of a name, which is no name",
    [{ action: "disable", by: { rule: "Ru" } }],
    ["Open a", "Run"],
  ],
] as const satisfies readonly (readonly [string, readonly RuleSelection[], readonly string[]])[]) {
  test(`selectRules() by ${name}`, () => {
    assert.deepEqual(
      selectRules(RULES, selections).map((rule) => rule.name),
      selected,
    );
  });
}

for (const [pattern, name, matches] of [
  ["*", "", true],
  ["a*c", "abbc", true],
  ["a*c", "abbd", false],
  ["a?c", "abc", false],
  ["a[b]c", "a[b]c", true],
  ["a\\*", "a\\x", true],
] as const) {
  test(`compileWildcard() of ${pattern} on "${name}" is ${matches}`, () => {
    assert.equal(compileWildcard(pattern)(name), matches);
  });
}

test("selectRules() switches nothing on that is less urgent than what is asked for", () => {
  const rules = [
    { name: "a", tags: [], enabled: false, isUrgent: true },
    { name: "b", tags: [], enabled: false, isUrgent: false },
  ];
  const selected = selectRules(rules, [{ action: "enable", by: { rule: "*" } }]);
  assert.deepEqual(
    selected.map(({ name }) => name),
    ["a"],
  );
});
