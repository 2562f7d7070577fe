import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCondition } from "./parse-condition.ts";
import { printCondition } from "./print-condition.ts";
import { wrapCondition } from "./wrap-condition.ts";

const long = (name: string): string =>
  `${name} in (${Array.from({ length: 12 }, (_, index) => `value${index}`).join(", ")})`;

test("wrapCondition() leaves what fits on one line, without the outer parentheses", () => {
  assert.deepEqual(wrapCondition(parseCondition("a.b = 1 and (c.d = 2 or e)")), [
    "a.b = 1 and (c.d = 2 or e)",
  ]);
  assert.deepEqual(wrapCondition(parseCondition("not (a or b)")), ["not (a or b)"]);
});

test("wrapCondition() spreads what does not, and means the same", () => {
  const expression = parseCondition(
    `evt.type = open and (${long("proc.name")} or ${long("fd.name")}) and not (${long("proc.pname")} or a)`,
  );
  const lines = wrapCondition(expression);
  assert.deepEqual(
    lines.map((line) => line.slice(0, 14)),
    [
      "evt.type = ope",
      "and (",
      "  proc.name in",
      "  or fd.name i",
      ")",
      "and not (",
      "  proc.pname i",
      "  or a",
      ")",
    ],
  );
  assert.equal(printCondition(parseCondition(lines.join("\n"))), printCondition(expression));
});
