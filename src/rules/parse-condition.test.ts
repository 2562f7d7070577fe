import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConditionError } from "./condition-error.ts";
import { parseCondition } from "./parse-condition.ts";
import { printCondition } from "./print-condition.ts";

for (const [text, printed] of [
  ["a or b and not c", "(a or (b and not c))"],
  ["(a or b) and c", "((a or b) and c)"],
  ["not not a", "a"],
  ["not(a)", "not a"],
  ["not not(a)", "a"],
  ["a and(b or c)", "(a and (b or c))"],
  ["evt.type=open", "evt.type = open"],
  ["proc.name in (a, 'b c', \"d\")", 'proc.name in (a, "b c", d)'],
  ["proc.name in()", "proc.name in ()"],
  ["proc.name in shells", "proc.name in shells"],
  ["evt.type inopen", "evt.type in open"],
  ["proc.aname[2] existsand a", "(proc.aname[2] exists and a)"],
  ['proc.env["A B"] = x', 'proc.env["A B"] = x'],
  ['proc.env[""] = x', 'proc.env[""] = x'],
  ["proc.cmdline contains anyof (a, b)", "proc.cmdline contains anyof (a, b)"],
  ["proc.name = oneof shells", "proc.name = oneof shells"],
  ["proc.name = anyof and a", "(proc.name = anyof and a)"],
  ["fd.num >= -1", "fd.num >= -1"],
  ["fd.num > 0XaB", "fd.num > 0XaB"],
  ["proc.name = val(proc.pname)", "proc.name = val(proc.pname)"],
  ["tolower( basename(proc.exe) ) startswith x", "tolower(basename(proc.exe)) startswith x"],
  ['join(",", (proc.name, "x", 1)) = a', "join(,,(proc.name,x,1)) = a"],
  ['getopt(fd.types, "ab:")[b] = x', "getopt(fd.types,ab:)[b] = x"],
  ['proc.name = "a\\"b"', 'proc.name = "a\\"b"'],
  [
    "evt.type in (open, close) and\n\tfd.name = /etc/x",
    "(evt.type in (open, close) and fd.name = /etc/x)",
  ],
] as const) {
  test(`parseCondition() reads ${JSON.stringify(text)}`, () => {
    const expression = parseCondition(text);
    assert.equal(printCondition(expression), printed);
    // What is printed is a condition that means the same; of join() it leaves the quotes out.
    if (!printed.includes("(,,") && !printed.includes("getopt"))
      assert.equal(printCondition(parseCondition(printed)), printed);
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
  ['proc.name = "a\\\'"', 14, /"\\'" is no escape/],
  ["proc.name = 'a\\\"'", 14, /"\\"" is no escape/],
  ['proc.name = "a\\X41"', 14, /"\\X" is no escape/],
  ["proc.name[ = x", 10, /expected the argument, found " "/],
  ["proc.name[a = x", 11, /expected "\]", found " "/],
  ["proc.name = anyof(a)", 17, /unexpected "\(" behind the condition/],
  ["tolower(a) = x", 8, /expected a field, a transformer, a quoted text or a number, found "a"/],
  ["proc.name = val(tolower(proc.pname))", 16, /expected a field in val\(\), found "tolower"/],
  ["evt.1type = x", 3, /unexpected "\." behind the condition/],
  ["a and", 5, /expected a blank or "\(" behind "and", found the end/],
] as const) {
  test(`parseCondition() refuses ${JSON.stringify(text)} at ${start}`, () => {
    assert.throws(
      () => parseCondition(text),
      (error: unknown) =>
        error instanceof ConditionError && error.start === start && message.test(error.message),
    );
  });
}

test("parseCondition() suggests the operator that was meant", () => {
  assert.throws(() => parseCondition("proc.name startwith x"), {
    hint: 'did you mean "startswith"?',
  });
});

test("parseCondition() limits how deep conditions nest", () => {
  assert.throws(() => parseCondition(`${"(".repeat(5000)}a${")".repeat(5000)}`), ConditionError);
  assert.throws(() => parseCondition(`${"tolower(".repeat(5000)}a`), ConditionError);
  assert.throws(() => parseCondition(`${"(".repeat(200)}a${")".repeat(200)}`), {
    message: "conditions may nest 1000 levels deep",
  });
  parseCondition(`${"(".repeat(199)}a${")".repeat(199)}`);
  // A chain of negations is no nesting.
  assert.equal(printCondition(parseCondition(`${"not ".repeat(5001)}a`)), "not a");
});

test("parseCondition() throws nothing but its own error, whatever the text", () => {
  const piece = fc.constantFrom(
    "evt.type",
    " ",
    "=",
    "(",
    ")",
    "in",
    "not",
    "and",
    "or",
    '"',
    "'",
    "\\",
    ",",
    "[",
    "]",
    "a",
    "0x1",
    "val(",
    "tolower(",
    "exists",
    "\n",
    "<=",
  );
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
