import type { Expression } from "./ast.ts";
import { printCondition } from "./print-condition.ts";

/** Longest line before a condition is spread over several. */
const WIDTH = 110;

/** A condition as lines, indented by two blanks a level: what fits on a line stays on it. */
export function wrapCondition(expression: Expression): readonly string[] {
  return wrap(expression, 0, "", "");
}

function wrap(expression: Expression, level: number, before: string, after: string): string[] {
  const indent = "  ".repeat(level);
  const whole = `${indent}${before}${level === 0 ? unwrapped(printCondition(expression, "source")) : printCondition(expression, "source")}${after}`;
  if (whole.length <= WIDTH || expression.kind === "check" || expression.kind === "macro")
    return [whole];
  if (expression.kind === "not") return wrap(expression.operand, level, `${before}not `, after);
  const { kind, operands } = expression;
  const isOutermost = level === 0 && before === "";
  const lines = operands.flatMap((operand, index) =>
    wrap(operand, isOutermost ? 0 : level + 1, index === 0 ? "" : `${kind} `, ""),
  );
  return isOutermost ? lines : [`${indent}${before}(`, ...lines, `${indent})${after}`];
}

/** Without the parentheses around the whole. */
function unwrapped(text: string): string {
  return text.startsWith("(") && text.endsWith(")") ? text.slice(1, -1) : text;
}
