import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { shadowingNotes } from "./shadowing-notes.ts";

const rule = (name: string, condition: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: NOTICE\n`;

function notes(...texts: readonly string[]): string[] {
  const loaded = loadRules(
    texts.map((text, index) => ({ name: `${index}.yaml`, text })),
    { fields: FIELDS },
  );
  for (const file of loaded.files) assert.deepEqual(file.errors, []);
  return shadowingNotes(loaded.rules);
}

test("shadowingNotes() names both rules, their files and what to do", () => {
  assert.deepEqual(
    notes(
      rule("All", "evt.type in (open, creat)"),
      rule("One", "evt.type = open and proc.name = a"),
    ),
    [
      'rule "One" (1.yaml) is never told: "All" (0.yaml) comes before it and matches all that it matches there; put it first, give the other an exception, or set rule_matching: all',
    ],
  );
});

test("shadowingNotes() names the events where a rule is hidden on some alone", () => {
  const [note] = notes(
    rule("All", "evt.type in (open, chmod)"),
    rule("One", "evt.type in (open, chmod, creat) and proc.name = a"),
  );
  assert.match(note ?? "", /^rule "One" \(1\.yaml\) is never told on open, chmod: "All"/);
});

test("shadowingNotes() tells of ten rules and counts the rest", () => {
  const all = notes(
    rule("All", "evt.type = open"),
    ...Array.from({ length: 12 }, (_, index) =>
      rule(`R${index}`, `evt.type = open and proc.name = n${index}`),
    ),
  );
  assert.deepEqual([all.length, all.at(-1)], [11, "2 more rules are hidden by others"]);
});

test("shadowingNotes() compares the first thousand rules alone, and says so", () => {
  const many = Array.from({ length: 1001 }, (_, index) =>
    rule(`R${index}`, `evt.type = open and proc.name = p${index}`),
  );
  assert.deepEqual(notes(many.join("")), [
    "which rules hide others was looked for among the first 1000 alone",
  ]);
});
