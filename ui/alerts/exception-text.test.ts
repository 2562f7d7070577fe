import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELDS } from "../../src/fields/registry.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import { exceptionText, isExceptable, usualExceptionFields } from "./exception-text.ts";

const RULE = `- rule: "Shell: 'in' #1"
  desc: d
  condition: evt.type = execve
  output: o
  priority: NOTICE
`;
const alert = {
  rule: "Shell: 'in' #1",
  uuid: "0193f0a1-0000-7000-8000-000000000000",
  output_fields: { "proc.name": "nc", "proc.pid": 42, "proc.pname": "ba'sh\n]", "fd.name": null },
};

function load(text: string) {
  return loadRules(
    [
      { name: "rules.yaml", text: RULE },
      { name: "custom.yaml", text },
    ],
    { fields: FIELDS },
  );
}

function problemsOf(text: string): readonly string[] {
  return load(text).files.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map(({ message }) => message),
  );
}

test("exceptionText() is a file of rules that loads beside the rule", () => {
  const text = exceptionText(alert, ["proc.name", "proc.pid"]);
  assert.deepEqual(problemsOf(text), []);
  assert.match(text, /fields: \[proc\.name, proc\.pid\]\n.*\n.*\n +- \["nc", 42\]/);
});

test("exceptionText() leaves out the value alone, whatever a container chose", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (value) => {
      fc.pre(isExceptable("proc.name", value));
      assert.deepEqual(exceptedBy(value), { operator: "=", value });
    }),
    { numRuns: 30 },
  );
  for (const value of ["x) or (evt.type exists", '" or proc.name exists or "', "(a,b)", "'q"])
    assert.deepEqual(exceptedBy(value), { operator: "=", value });
});

/** What the condition compares a process's name with, once the exception for it is loaded. */
function exceptedBy(value: string): unknown {
  const text = exceptionText({ ...alert, output_fields: { "proc.name": value } }, ["proc.name"]);
  assert.deepEqual(problemsOf(text), []);
  const [rule] = load(text).rules;
  assert.ok(rule?.expression.kind === "and");
  const [, excepted, ...more] = rule.expression.operands;
  assert.deepEqual(more, []);
  assert.ok(excepted?.kind === "not" && excepted.operand.kind === "check");
  const { operator, right } = excepted.operand;
  assert.ok(right?.kind === "value");
  return { operator, value: right.text };
}

test("usualExceptionFields() names who did it, of what is known", () => {
  assert.deepEqual(usualExceptionFields(alert.output_fields), ["proc.name", "proc.pname"]);
});

test("isExceptable() leaves out what is no field of one value", () => {
  assert.equal(isExceptable("proc.aname[2]", "x"), true);
  assert.equal(isExceptable("my own key", "x"), false);
  assert.equal(isExceptable("proc.name", null), false);
  assert.equal(isExceptable("proc.name", ""), false);
});
