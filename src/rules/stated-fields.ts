import type { Field, FieldRegistry, FieldType, FieldValue, SingleValue } from "../fields/field.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { encodeText } from "../lib/text.ts";
import type { Scene } from "../state/scene.ts";
import { ConditionError } from "./condition-error.ts";
import { parseNumber } from "./numbers.ts";
import { bindOperand, findField } from "./operands.ts";
import { parseOperandAt } from "./parse-condition.ts";
import { printOperand } from "./print-condition.ts";
import { TYPE_SHAPES } from "./value-types.ts";

/**
 * A scene of which nothing is known but the values that somebody states, by field: for tests of
 * rules.
 */
export interface StatedScene extends Scene {
  readonly stated: ReadonlyMap<string, FieldValue>;
}

/** The same fields, read from what is stated; everything else is missing. */
export function statedFields(fields: FieldRegistry): FieldRegistry {
  const known = new Map<string, Field>();
  return {
    names: () => fields.names(),
    get: (name) => {
      const field = known.get(name) ?? readStated(fields.get(name));
      if (field !== undefined) known.set(name, field);
      return field;
    },
  };
}

function readStated(field: Field | undefined): Field | undefined {
  if (field === undefined) return undefined;
  const { bind, bindAll: _, ...rest } = field;
  const stated: Field = {
    ...rest,
    bind: (argument) => {
      // What the field itself would not take is no argument here either.
      if (bind !== undefined && argument !== undefined && bind(argument) === undefined)
        return undefined;
      const key = keyOf(field.name, argument);
      return field.several !== undefined && argument === undefined
        ? undefined
        : (scene) => (scene as StatedScene).stated.get(key);
    },
  };
  return field.several === undefined
    ? stated
    : {
        ...stated,
        bindAll: () => (scene) => statedValues(field.name, (scene as StatedScene).stated),
      };
}

/**
 * The values of a field that has several: its own list, or those of its numbered forms
 * (`proc.aname[1]`, `proc.aname[2]`, …).
 */
function statedValues(
  name: string,
  stated: ReadonlyMap<string, FieldValue>,
): readonly FieldValue[] {
  const own = stated.get(keyOf(name, undefined));
  if (own !== undefined) return Array.isArray(own) ? own : [own];
  return [...stated]
    .filter(([key]) => key.startsWith(`${name}[`) && key !== keyOf(name, "0"))
    .map(([, value]) => value);
}

function keyOf(name: string, argument: string | undefined): string {
  return argument === undefined ? name : `${name}[${argument}]`;
}

/**
 * A field as it is written (`proc.aname[2]`, `evt.arg.flags`) and the key that its value stands
 * under. Throws `ConditionError`.
 */
export function readStatedKey(
  text: string,
  fields: FieldRegistry,
): { readonly key: string; readonly type: FieldType; readonly takesList: boolean } {
  const { operand, end } = parseOperandAt(text, 0);
  if (operand.kind !== "field" || end !== text.length)
    throw new ConditionError(`"${text}" is no field`, { start: 0, end: text.length });
  const bound = bindOperand(operand, fields, "print");
  const { field, argument } = findField(operand, fields);
  if (printOperand(operand) === "") throw new ConditionError("no field", { start: 0 });
  return {
    key: keyOf(field.name, argument),
    type: bound.type,
    takesList: bound.isList || bound.getAll !== undefined,
  };
}

/** A value for a field of a type, out of what YAML says; undefined when it is none. */
export function readStatedValue(value: unknown, type: FieldType): SingleValue | undefined {
  const text =
    typeof value === "string"
      ? value
      : typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
        ? String(value)
        : undefined;
  if (text === undefined) return undefined;
  switch (TYPE_SHAPES[type].family) {
    case "text":
      return text;
    case "bytes":
      return encodeText(text);
    case "bool":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "number":
      return text.trim() === "" ? undefined : parseNumber(text, type);
    case "address":
    case "network":
      return addressBytes(text);
    case "opaque":
      return text;
  }
}
