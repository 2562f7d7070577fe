import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { exceptionCondition, overrideFile, yamlText } from "./write-exceptions.ts";
import { statedFields } from "./stated-fields.ts";
import type { Scene } from "../state/scene.ts";
import { compileCondition } from "./compile-condition.ts";
import { parseCondition } from "./parse-condition.ts";

const STATED = statedFields(FIELDS);
const RULES = `
- list: shells
  items: [bash, zsh]
- rule: R
  desc: d
  condition: evt.type = open
  output: o
  priority: NOTICE
`;

/** Which of these programs the rule still tells of, once `value` is excepted. */
function told(value: string, programs: readonly string[]): readonly string[] {
  const exception = {
    fields: ["proc.name", "evt.type"],
    rows: [{ values: [value, "open"], count: 1 }],
    silenced: 1,
  };
  const text = overrideFile([{ rule: "R", name: "tuned", exception }], "made");
  const { rules, files } = loadRules(
    [
      { name: "r.yaml", text: RULES },
      { name: "o.yaml", text },
    ],
    { fields: STATED },
  );
  assert.deepEqual(
    files.flatMap(({ errors }) => errors),
    [],
    text,
  );
  const condition = compileCondition(
    parseCondition(exceptionCondition(exception)),
    STATED,
  ).predicate;
  return programs.filter((name) => {
    const stated = new Map([
      ["evt.type", "open"],
      ["proc.name", name],
    ]);
    const scene = { stated, event: { code: 0 } } as unknown as Scene;
    const isTold = rules[0]?.condition(scene) === true;
    assert.equal(condition(scene), !isTold, "the condition says the same");
    return isTold;
  });
}

test("overrideFile() excepts a value, and nothing that it may be taken for", () => {
  for (const value of [
    "cat",
    "shells",
    "a b",
    "and",
    "true",
    "5",
    "(x)",
    'x" or evt.num > "0',
    "x) or (evt.num >= 0",
    "it's",

    "#",
    "a: b",
    "- x",
    "[a, b]",
    "${X}",
    "%proc.name",
  ])
    assert.deepEqual(told(value, [value, "bash", "zsh", "other"]), ["bash", "zsh", "other"], value);
});

test("overrideFile() excepts any text and only that", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (value) => {
      fc.pre(!/[\p{C}\u2028\u2029\\]/u.test(value) && value !== "other");
      assert.deepEqual(told(value, [value, "other"]), ["other"]);
    }),
    { numRuns: 300 },
  );
});

test("yamlText() quotes what YAML would read otherwise", () => {
  assert.deepEqual(
    ["a b", "yes", "it's", "/usr/bin/x", "proc.aname[2]", "5", "a\tb"].map(yamlText),
    ["'a b'", "'yes'", "'it''s'", "/usr/bin/x", "'proc.aname[2]'", "'5'", '"a\\tb"'],
  );
});
