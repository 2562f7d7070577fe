import { assertNever } from "../lib/assert-never.ts";
import type { Check, Expression, Operand, Right, TransformArgument } from "./ast.ts";
import { escapeValue } from "./quoted-text.ts";

/** A condition as the real engine prints its tree: every `and` and `or` in parentheses, values escaped again. */
export function printCondition(expression: Expression): string {
  switch (expression.kind) {
    case "and":
    case "or":
      return `(${expression.operands.map(printCondition).join(` ${expression.kind} `)})`;
    case "not":
      return `not ${printCondition(expression.operand)}`;
    case "macro":
      return expression.name;
    case "check":
      return printCheck(expression);
    default:
      return assertNever(expression);
  }
}

/** One comparison, as `printCondition` prints it. */
export function printCheck({ left, operator, modifier, right }: Check): string {
  return [printOperand(left), operator, modifier, right === undefined ? undefined : printRight(right)].filter((part) => part !== undefined).join(" ");
}

/** A field or transformer, as outputs name it in `output_fields`. */
export function printOperand(operand: Operand): string {
  const argument = operand.argument === undefined ? "" : `[${escapeArgument(operand.argument)}]`;
  return operand.kind === "field" ? `${operand.name}${argument}` : `${operand.name}(${operand.arguments.map(printArgument).join(",")})${argument}`;
}

function escapeArgument(argument: string): string {
  return argument === "" ? '""' : escapeValue(argument);
}

function printRight(right: Right): string {
  switch (right.kind) {
    case "value":
      return escapeValue(right.text);
    case "list":
      return right.isBare ? (right.values[0]?.text ?? "") : `(${right.values.map((value) => escapeValue(value.text)).join(", ")})`;
    case "field":
    case "transform":
      return printOperand(right);
    default:
      return assertNever(right);
  }
}

function printArgument(argument: TransformArgument): string {
  if (argument.kind === "value") return argument.text;
  return argument.kind === "arguments" ? `(${argument.items.map(printArgument).join(",")})` : printOperand(argument);
}
