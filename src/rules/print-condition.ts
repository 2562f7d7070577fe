import { assertNever } from "../lib/assert-never.ts";
import type { Check, Expression, Operand, Right, TransformArgument, Value } from "./ast.ts";
import { escapeValue, quoteValue } from "./quote-value.ts";

/**
 * `engine`: as the real engine prints its tree, which leaves quotes out where its parser needs
 * them. `source`: what reads as the same condition.
 */
export type PrintStyle = "engine" | "source";

/** A condition's tree as text: every `and` and `or` in parentheses, values escaped again. */
export function printCondition(expression: Expression, style: PrintStyle = "engine"): string {
  switch (expression.kind) {
    case "and":
    case "or":
      return `(${expression.operands.map((operand) => printCondition(operand, style)).join(` ${expression.kind} `)})`;
    case "not":
      return `not ${printCondition(expression.operand, style)}`;
    case "macro":
      return expression.name;
    case "check":
      return printCheck(expression, style);
    default:
      return assertNever(expression);
  }
}

/** One comparison, as `printCondition` prints it. */
export function printCheck(
  { left, operator, modifier, right }: Check,
  style: PrintStyle = "engine",
): string {
  return [
    printOperand(left, style),
    operator,
    modifier,
    right === undefined ? undefined : printRight(right, style),
  ]
    .filter((part) => part !== undefined)
    .join(" ");
}

/** A field or transformer, as outputs name it in `output_fields`. */
export function printOperand(operand: Operand, style: PrintStyle = "engine"): string {
  const argument =
    operand.argument === undefined ? "" : `[${printArgumentName(operand.argument, style)}]`;
  return operand.kind === "field"
    ? `${operand.name}${argument}`
    : `${operand.name}(${operand.arguments.map((one) => printArgument(one, style)).join(style === "source" ? ", " : ",")})${argument}`;
}

function printArgumentName(argument: string, style: PrintStyle): string {
  if (style === "source" && /[[\]]/.test(argument)) return quoteValue(argument, true);
  return argument === "" ? '""' : escapeValue(argument);
}

function printRight(right: Right, style: PrintStyle): string {
  switch (right.kind) {
    case "value":
      return printValue(right, style);
    case "list":
      return right.isBare
        ? (right.values[0]?.text ?? "")
        : `(${right.values.map((value) => printValue(value, style)).join(", ")})`;
    case "field":
    case "transform":
      return printOperand(right, style);
    default:
      return assertNever(right);
  }
}

function printValue(value: Value, style: PrintStyle): string {
  return style === "engine" ? escapeValue(value.text) : quoteValue(value.text);
}

function printArgument(argument: TransformArgument, style: PrintStyle): string {
  if (argument.kind === "value")
    return style === "source" && argument.quoted ? quoteValue(argument.text, true) : argument.text;
  return argument.kind === "arguments"
    ? `(${argument.items.map((item) => printArgument(item, style)).join(style === "source" ? ", " : ",")})`
    : printOperand(argument, style);
}
