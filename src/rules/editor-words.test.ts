import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { completionsAt, editorWords, wordAt } from "./editor-words.ts";

const FILE = `- macro: mine
  condition: (proc.name in (shells))
- list: shells
  items: [sh, bash]
- rule: Mine
  desc: what it is about
  condition: mine
  output: o
  priority: INFO
- list: shells
  items: [zsh]
  override:
    items: append
`;
const WORDS = editorWords([{ name: "r.yaml", text: FILE }], FIELDS);

/** Kinds of words at the bar, or the names of those of one kind. */
function at(text: string): ReadonlySet<string> {
  const offset = text.indexOf("|");
  const found = completionsAt(text.replace("|", ""), offset, WORDS);
  return new Set(found.map(({ kind }) => kind));
}

describe("editorWords()", () => {
  test("has fields, and what files define, each with what it is", () => {
    assert.deepEqual(WORDS.get("mine"), {
      name: "mine",
      kind: "macro",
      doc: "(proc.name in (shells))",
    });
    assert.deepEqual(WORDS.get("shells"), { name: "shells", kind: "list", doc: "[sh, bash]" });
    assert.equal(WORDS.get("Mine")?.doc, "what it is about");
    assert.equal(WORDS.get("openat")?.kind, "event");
    assert.match(WORDS.get("proc.pname")?.doc ?? "", /parent/i);
  });
});

describe("completionsAt()", () => {
  const all = new Set(["field", "macro", "list", "event"]);
  for (const [name, text, kinds] of [
    ["a condition", "- rule: R\n  condition: evt.type = |\n", all],
    ["a folded condition", "- rule: R\n  condition: >\n    evt.type = open\n    and |\n", all],
    ["an empty line of it", "- rule: R\n  condition: >\n    a and\n\n    |\n", all],
    ["a condition that has not begun", "- rule: R\n  condition: |", all],
    ["an output", "- rule: R\n  condition: a\n  output: x %|\n", new Set(["field"])],
    ["a count's fields", "- count: C\n  by:\n    - |\n", new Set(["field"])],
    [
      "an exception's",
      "- rule: R\n  exceptions:\n  - name: x\n    fields: [|]\n",
      new Set(["field"]),
    ],
    ["a count's rules", "- count: C\n  rules: [|]\n", new Set(["rule"])],
    ["a priority", "- rule: R\n  priority: |\n", new Set()],
    ["a key", "- rule: R\n  desc: d\n  |\n", new Set()],
  ] as const)
    test(`offers what fits in ${name}`, () => assert.deepEqual(at(text), kinds));
});

test("wordAt() finds the word around a place", () => {
  const text = "%proc.name=x";
  assert.deepEqual(wordAt(text, 3), { word: "proc.name", start: 1, end: 10 });
  assert.deepEqual(wordAt("a  b", 2), { word: "", start: 2, end: 2 });
});
