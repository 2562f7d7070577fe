import type { Check, Expression } from "./ast.ts";

/** All comparisons of a condition whose macros are in place, in their order. */
export function* checksOf(expression: Expression): Generator<Check> {
  if (expression.kind === "check") yield expression;
  else if (expression.kind === "not") yield* checksOf(expression.operand);
  else if (expression.kind !== "macro")
    for (const operand of expression.operands) yield* checksOf(operand);
}
