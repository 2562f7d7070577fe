import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { ruleChanges, summarizeChanges } from "./rule-changes.ts";

const rule = (name: string, more = "", condition = "evt.type = open and shell"): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: NOTICE\n${more}`;
const SHELL = "- list: shells\n  items: [sh]\n- macro: shell\n  condition: proc.name in (shells)\n";

function summary(before: string, after: string): string {
  const [old, now] = [before, after].map((text) => {
    const loaded = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
    assert.deepEqual(loaded.files[0]?.errors, []);
    return loaded.rules.filter(({ enabled }) => enabled);
  });
  return summarizeChanges(ruleChanges(old ?? [], now ?? []));
}

for (const [what, before, after, expected] of [
  ["the same rules", SHELL + rule("A"), `# a comment\n${SHELL}${rule("A")}`, "nothing changed"],
  [
    "rules that come and go",
    SHELL + rule("A") + rule("B"),
    SHELL + rule("A") + rule("C") + rule("D"),
    'added "C", "D"; removed "B"',
  ],
  [
    "another priority",
    SHELL + rule("A"),
    (SHELL + rule("A")).replace("NOTICE", "ERROR"),
    'changed "A"',
  ],
  [
    "another condition",
    SHELL + rule("A"),
    SHELL + rule("A", "", "evt.type = open and not shell"),
    'changed "A"',
  ],
  [
    "a longer list behind a macro",
    SHELL + rule("A") + rule("B", "", "evt.type = open"),
    SHELL.replace("[sh]", "[sh, bash]") + rule("A") + rule("B", "", "evt.type = open"),
    'changed "A"',
  ],
  [
    "a new exception",
    SHELL + rule("A"),
    SHELL +
      rule("A", "  exceptions: [{name: e, fields: [proc.name], comps: [in], values: [[[x]]]}]\n"),
    'changed "A"',
  ],
  [
    "a rule switched off",
    SHELL + rule("A") + rule("B"),
    SHELL + rule("A") + rule("B", "  enabled: false\n"),
    'removed "B"',
  ],
  [
    "another order",
    SHELL + rule("A") + rule("B"),
    SHELL + rule("B") + rule("A"),
    "the order changed",
  ],
  [
    "a new first rule",
    SHELL + rule("A") + rule("B"),
    SHELL + rule("C") + rule("A") + rule("B"),
    'added "C"',
  ],
] as const) {
  test(`ruleChanges() tells of ${what}`, () => assert.equal(summary(before, after), expected));
}

test("summarizeChanges() lists some names and counts the rest", () => {
  const many = Array.from({ length: 10 }, (_, index) => rule(`R${index}`)).join("");
  assert.equal(
    summary(SHELL + rule("R0"), SHELL + many),
    'added "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8" and 1 more',
  );
});
