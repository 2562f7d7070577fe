import { eventType } from "../events/schema.ts";
import type { Field, FieldRegistry } from "../fields/field.ts";
import type { Expression, Operand, TransformArgument } from "./ast.ts";
import { findField } from "./operands.ts";

/** What is known of a rule that compiles; its condition has no macros. */
export interface AskingRule {
  readonly expression: Expression;
  readonly eventCodes: ReadonlySet<number>;
  readonly printed: readonly Field[];
  readonly outputText: string;
}

/** Whether a rule asks for the environment of processes: by a field of its own, or as a parameter of events that start programs, if it can meet those. */
export function asksEnvironment({ expression, eventCodes, printed, outputText }: AskingRule, fields: FieldRegistry): boolean {
  const meetsStarts = STARTS.some((code) => eventCodes.has(code));
  const isAsked = ({ environment }: Field): boolean => environment === "process" || (environment === "event" && meetsStarts);
  if (printed.some(isAsked) || (meetsStarts && PRINTED.test(outputText))) return true;
  return anyField(expression, fields, (field, argument) => isAsked(field) || (meetsStarts && argument !== undefined && field.environmentArguments?.includes(argument) === true));
}

const STARTS = ["execve", "execveat"].map((name) => eventType(name).code);

/** As a parameter in an output. */
const PRINTED = /%\*?evt\.(?:raw)?arg[.[](?:env|15)\b/;

type Test = (field: Field, argument: string | undefined) => boolean;

/** `known`: a macro's expression is one object wherever it is used. */
function anyField(expression: Expression, fields: FieldRegistry, test: Test, known = new Set<Expression>()): boolean {
  if (known.has(expression)) return false;
  known.add(expression);
  switch (expression.kind) {
    case "and":
    case "or":
      return expression.operands.some((operand) => anyField(operand, fields, test, known));
    case "not":
      return anyField(expression.operand, fields, test, known);
    case "macro":
      return false;
    case "check": {
      const { left, right } = expression;
      return anyOperand(left, fields, test) || ((right?.kind === "field" || right?.kind === "transform") && anyOperand(right, fields, test));
    }
  }
}

function anyOperand(operand: Operand | TransformArgument, fields: FieldRegistry, test: Test): boolean {
  switch (operand.kind) {
    case "field": {
      const { field, argument } = findField(operand, fields);
      return test(field, argument);
    }
    case "transform":
      return operand.arguments.some((argument) => anyOperand(argument, fields, test));
    case "arguments":
      return operand.items.some((item) => anyOperand(item, fields, test));
    default:
      return false;
  }
}
