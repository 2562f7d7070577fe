import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Expression, Operand, Right, TransformArgument } from "./ast.ts";
import { ConditionError, parseCondition } from "./parse-condition.ts";

for (const [text, printed] of [
  ["a or b and not c", "(a or (b and (not c)))"],
  ["(a or b) and c", "((a or b) and c)"],
  ["not not a", "(not (not a))"],
  ["not(a)", "(not a)"],
  ["evt.type=open", 'evt.type = "open"'],
  ["proc.name in (a, 'b c', \"d\")", 'proc.name in ("a","b c","d")'],
  ["proc.name in()", "proc.name in ()"],
  ["proc.aname[2] exists", "proc.aname[2] exists"],
  ['proc.env["A B"] = x', 'proc.env[A B] = "x"'],
  ["proc.cmdline contains anyof (a, b)", 'proc.cmdline contains anyof ("a","b")'],
  ["fd.num >= -1", 'fd.num >= "-1"'],
  ["proc.name = val(proc.pname)", "proc.name = val(proc.pname)"],
  ["tolower(basename(proc.exe)) startswith x", 'tolower(basename(proc.exe)) startswith "x"'],
  ['proc.name = "a\\"b"', 'proc.name = "a\\"b"'],
  ["evt.type in (open, close) and\n\tfd.name = /etc/x", '(evt.type in ("open","close") and fd.name = "/etc/x")'],
] as const) {
  test(`parseCondition() reads ${JSON.stringify(text)}`, () => {
    assert.equal(print(parseCondition(text)), printed);
  });
}

for (const [text, start, message] of [
  ["", 0, /expected a field, a macro/],
  ["evt.type", 8, /expected an operator, found the end/],
  ["evt.type = ", 11, /expected a value, found the end/],
  ["evt.type = a b", 13, /unexpected "b" behind the condition/],
  ["(a or b", 7, /expected "\)", found the end/],
  ["evt.type containz x", 9, /expected an operator, found "containz"/],
  ["fd.num > x", 9, /expected a number, found "x"/],
  ["proc.name in (a, )", 17, /expected a value, found "\)"/],
  ['proc.name = "a', 12, /text is not closed with "/],
  ['proc.name = "a\\q"', 14, /"\\q" is no escape/],
  ["proc.name[ = x", 13, /expected "\]", found "x"/],
] as const) {
  test(`parseCondition() refuses ${JSON.stringify(text)} at ${start}`, () => {
    assert.throws(() => parseCondition(text), (error: unknown) => error instanceof ConditionError && error.start === start && message.test(error.message));
  });
}

test("parseCondition() suggests the operator that was meant", () => {
  assert.throws(() => parseCondition("proc.name startwith x"), { hint: 'did you mean "startswith"?' });
});

test("parseCondition() limits how deep conditions nest", () => {
  assert.throws(() => parseCondition(`${"(".repeat(5000)}a${")".repeat(5000)}`), ConditionError);
  assert.throws(() => parseCondition(`${"not ".repeat(5000)}a`), ConditionError);
  parseCondition(`${"(".repeat(300)}a${")".repeat(300)}`);
});

test("parseCondition() throws nothing but its own error, whatever the text", () => {
  const piece = fc.constantFrom("evt.type", " ", "=", "(", ")", "in", "not", "and", "or", '"', "'", "\\", ",", "[", "]", "a", "0x1", "val(", "tolower(", "exists", "\n", "<=");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseCondition(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof ConditionError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

function print(expression: Expression): string {
  switch (expression.kind) {
    case "and":
    case "or":
      return `(${expression.operands.map(print).join(` ${expression.kind} `)})`;
    case "not":
      return `(not ${print(expression.operand)})`;
    case "macro":
      return expression.name;
    case "check":
      return [printArgument(expression.left), expression.operator, expression.modifier, expression.right === undefined ? undefined : printRight(expression.right)].filter((part) => part !== undefined).join(" ");
  }
}

function printRight(right: Right): string {
  return right.kind === "list" ? `(${right.values.map((value) => JSON.stringify(value.text)).join(",")})` : printArgument(right);
}

function printArgument(argument: TransformArgument | Operand): string {
  if (argument.kind === "value") return JSON.stringify(argument.text);
  if (argument.kind === "arguments") return `(${argument.items.map(printArgument).join(",")})`;
  if (argument.kind === "transform") return `${argument.name}(${argument.arguments.map(printArgument).join(",")})`;
  return argument.argument === undefined ? argument.name : `${argument.name}[${argument.argument}]`;
}
