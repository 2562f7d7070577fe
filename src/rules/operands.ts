import type { Extract, ExtractAll, Field, FieldRegistry, FieldType, FieldValue } from "../fields/field.ts";
import type { FieldReference, Operand, Transform, TransformArgument } from "./ast.ts";
import { didYouMean } from "./did-you-mean.ts";
import { ConditionError } from "./parse-condition.ts";
import { getopt, TRANSFORMS } from "./transforms.ts";

/** The left side of a comparison, or a right side that is computed, resolved against the fields. */
export interface BoundOperand {
  readonly type: FieldType;
  readonly isList: boolean;
  readonly get: Extract;
  /** Instead of `get` where the field has several values at once. */
  readonly getAll: ExtractAll | undefined;
  readonly several: Field["several"];
  /** The fields it reads, by name. */
  readonly fields: readonly Field[];
}

/** A field that no registry has: kept apart, for `skip-if-unknown-filter`. */
export class UnknownFieldError extends ConditionError {}

/** Resolves an operand. `side` right: fields marked for the left side only are refused. Throws `ConditionError`. */
export function bindOperand(operand: Operand, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  return operand.kind === "field" ? bindField(operand, fields, side) : bindTransform(operand, fields, side);
}

/** The field of a name, with its argument: `evt.arg.flags` is `evt.arg[flags]`. Throws `UnknownFieldError`. */
export function findField(reference: FieldReference, fields: FieldRegistry): { readonly field: Field; readonly argument: string | undefined } {
  const exact = fields.get(reference.name);
  if (exact !== undefined) return { field: exact, argument: reference.argument };
  for (let dot = reference.name.lastIndexOf("."); dot > 0; dot = reference.name.lastIndexOf(".", dot - 1)) {
    const field = fields.get(reference.name.slice(0, dot));
    if (field?.argument !== undefined && reference.argument === undefined) return { field, argument: reference.name.slice(dot + 1) };
  }
  const hint = didYouMean(reference.name, fields.names()) ?? "saker fields lists them all";
  throw new UnknownFieldError(`unknown field "${reference.name}"`, { start: reference.start, end: reference.end, hint });
}

function bindField(reference: FieldReference, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  const { field, argument } = findField(reference, fields);
  const at = { start: reference.start, end: reference.end };
  if (side === "right" && field.noRightSide) throw new ConditionError(`field "${field.name}" cannot stand on the right side`, at);
  if (field.printOnly) throw new ConditionError(`field "${field.name}" can only be printed`, at);
  if (argument === undefined && field.argument?.required) throw new ConditionError(`field "${field.name}" needs an argument`, { ...at, hint: `write ${field.name}[…]` });
  if (argument !== undefined && field.argument === undefined) throw new ConditionError(`field "${field.name}" takes no argument`, at);
  if (argument !== undefined && field.argument?.kind === "index" && !/^\d+$/.test(argument)) {
    throw new ConditionError(`"${argument}" is not a number, which field "${field.name}" needs`, at);
  }
  const getAll = field.several === undefined || argument !== undefined ? undefined : (field.bindAll?.(undefined) ?? none);
  const get = getAll === undefined ? (field.bind?.(argument) ?? missing) : missing;
  return { type: field.type, isList: field.list === true, get, getAll, several: getAll === undefined ? undefined : field.several, fields: [field] };
}

const missing: Extract = () => undefined;
const NO_VALUES: readonly FieldValue[] = [];
const none: ExtractAll = () => NO_VALUES;

function bindTransform(transform: Transform, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  const at = { start: transform.start, end: transform.end };
  if (transform.name === "val") {
    const [inner] = transform.arguments;
    if (side === "left" || transform.arguments.length !== 1 || inner?.kind !== "field") {
      throw new ConditionError("val() takes one field, on the right side only", at);
    }
    return bindOperand(inner, fields, "right");
  }
  if (transform.name === "join" || transform.name === "concat") return bindJoin(transform, fields, side);
  if (transform.name === "getopt") return bindGetopt(transform, fields, side);
  const [inner] = transform.arguments;
  if (transform.arguments.length !== 1 || inner === undefined || !(inner.kind === "field" || inner.kind === "transform")) {
    throw new ConditionError(`${transform.name}() takes one field`, at);
  }
  const bound = bindTransformable(inner, fields, side);
  const rule = TRANSFORMS[transform.name];
  const result = rule.result(bound.type, bound.isList);
  if (result === undefined) throw new ConditionError(`${transform.name}() does not work on ${bound.isList ? "a list" : bound.type}`, at);
  const get: Extract = (scene) => {
    const value = bound.get(scene);
    return value === undefined ? undefined : rule.apply(value);
  };
  return { ...bound, type: result, isList: bound.isList && result !== "UINT64", get };
}

function bindTransformable(operand: Operand, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  const bound = bindOperand(operand, fields, side);
  const field = operand.kind === "field" ? bound.fields[0] : undefined;
  if (field?.noTransformer || bound.getAll !== undefined) {
    throw new ConditionError(`field "${field?.name ?? ""}" cannot be transformed`, { start: operand.start, end: operand.end });
  }
  return bound;
}

/** A computed operand of its own type that is no field. */
function computed(type: FieldType, isList: boolean, parts: { readonly get: Extract; readonly fields: readonly Field[] }): BoundOperand {
  return { ...parts, type, isList, getAll: undefined, several: undefined };
}

/** `join(separator, (a, b))` and `concat(a, b)`: text of all parts; one that is missing makes the whole missing. */
function bindJoin(transform: Transform, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  const at = { start: transform.start, end: transform.end };
  const [first, second] = transform.arguments;
  if (transform.name === "concat") {
    return joined([], transform.arguments.map((item) => bindText(item, fields, side, "concat() arguments must be strings")));
  }
  if (transform.arguments.length !== 2 || first === undefined || second === undefined) {
    throw new ConditionError("join() takes a separator and a list of parts", { ...at, hint: 'write join(",", (a, b))' });
  }
  const separator = bindText(first, fields, side, "join() takes a separator that is text");
  return joined([separator], [bindList(second, fields, side, "join() second argument must be a list")]);
}

type Part = Pick<BoundOperand, "get" | "fields">;

function joined([separator]: readonly Part[], parts: readonly Part[]): BoundOperand {
  const get: Extract = (scene) => {
    const texts: string[] = [];
    for (const part of parts) {
      const value = part.get(scene);
      if (value === undefined) return undefined;
      if (Array.isArray(value)) texts.push(...value.map(String));
      else texts.push(String(value));
    }
    const between = separator === undefined ? "" : separator.get(scene);
    return between === undefined ? undefined : texts.join(String(between));
  };
  return computed("CHARBUF", false, { get, fields: [...(separator?.fields ?? []), ...parts.flatMap((part) => part.fields)] });
}

/** One text: a literal, or a field or transformer that is one. */
function bindText(item: TransformArgument, fields: FieldRegistry, side: "left" | "right", problem: string): Part {
  const at = { start: item.start, end: item.end };
  if (item.kind === "value") return { get: () => item.text, fields: [] };
  if (item.kind === "arguments") throw new ConditionError(problem, at);
  const bound = bindTransformable(item, fields, side);
  if (bound.type !== "CHARBUF" || bound.isList) throw new ConditionError(problem, at);
  return bound;
}

/** A list of texts: a literal one, or a field that is one. */
function bindList(item: TransformArgument, fields: FieldRegistry, side: "left" | "right", problem: string): Part {
  if (item.kind === "arguments") {
    const parts = item.items.map((part) => bindText(part, fields, side, problem));
    const get: Extract = (scene) => {
      const values = parts.map((part) => part.get(scene));
      return values.includes(undefined) ? undefined : values.map(String);
    };
    return { get, fields: parts.flatMap((part) => part.fields) };
  }
  const bound = item.kind === "value" ? undefined : bindTransformable(item, fields, side);
  if (bound === undefined || !bound.isList) throw new ConditionError(problem, { start: item.start, end: item.end });
  return bound;
}

function bindGetopt(transform: Transform, fields: FieldRegistry, side: "left" | "right"): BoundOperand {
  const [source, options] = transform.arguments;
  if (transform.arguments.length !== 2 || options?.kind !== "value" || source === undefined) {
    throw new ConditionError("getopt() takes a list and the option letters", { start: transform.start, end: transform.end, hint: 'write getopt(("-a", "b"), "a:")' });
  }
  const list = bindList(source, fields, side, "getopt() first argument must be a list");
  const get: Extract = (scene) => {
    const value = list.get(scene);
    return Array.isArray(value) ? getopt(value.map(String), options.text) : undefined;
  };
  return computed("CHARBUF", true, { get, fields: list.fields });
}
