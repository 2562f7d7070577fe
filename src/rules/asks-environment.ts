import type { FieldRegistry } from "../fields/field.ts";
import type { Expression, Operand, TransformArgument } from "./ast.ts";
import { findField } from "./operands.ts";

/** Whether a condition that compiles asks for the environment of processes: by a field of its own, or as a parameter of the event. */
export function asksEnvironment(expression: Expression, fields: FieldRegistry, known = new Map<Expression, boolean>()): boolean {
  const before = known.get(expression);
  if (before !== undefined) return before;
  const answer = newAnswer(expression, fields, known);
  known.set(expression, answer);
  return answer;
}

function newAnswer(expression: Expression, fields: FieldRegistry, known: Map<Expression, boolean>): boolean {
  switch (expression.kind) {
    case "and":
    case "or":
      return expression.operands.some((operand) => asksEnvironment(operand, fields, known));
    case "not":
      return asksEnvironment(expression.operand, fields, known);
    case "macro":
      return true;
    case "check": {
      const { left, right } = expression;
      return isOfEnvironment(left, fields) || ((right?.kind === "field" || right?.kind === "transform") && isOfEnvironment(right, fields));
    }
  }
}

function isOfEnvironment(operand: Operand | TransformArgument, fields: FieldRegistry): boolean {
  switch (operand.kind) {
    case "field": {
      const { field, argument } = findField(operand, fields);
      return field.environment === true || (argument !== undefined && field.environmentArguments?.includes(argument) === true);
    }
    case "transform":
      return operand.arguments.some((argument) => isOfEnvironment(argument, fields));
    case "arguments":
      return operand.items.some((item) => isOfEnvironment(item, fields));
    default:
      return false;
  }
}

/** As a parameter in an output. */
export const PRINTED_ENVIRONMENT = /%\*?evt\.(?:raw)?arg[.[](?:env|15)\b/;
