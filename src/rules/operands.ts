import type {
  Extract,
  ExtractAll,
  Field,
  FieldRegistry,
  FieldType,
  FieldValue,
} from "../fields/field.ts";
import type { NumberFormat } from "../events/schema.ts";
import type { Scene } from "../state/scene.ts";
import type { FieldReference, Operand, Transform, TransformArgument } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import { formatValue } from "./format-value.ts";
import { getopt, getoptValue, UNARY_TRANSFORMERS } from "./transformers.ts";
import { isText } from "./value-types.ts";

/** The left side of a comparison, or a right side that is computed, resolved against the fields. */
export interface BoundOperand {
  readonly type: FieldType;
  readonly isList: boolean;
  readonly get: Extract;
  /**
   * Instead of `get` where the field has several values at once; `get` may still have the one to
   * print.
   */
  readonly getAll: ExtractAll | undefined;
  readonly several: Field["several"];
  /**
   * Its texts end in a NUL of their own, as those that a transformer made do in the real engine: as
   * members of a set they equal no plain text.
   */
  readonly isTerminated?: boolean;
  readonly differs?: Field["differs"];
  /** How a number prints; decimal where it is undefined. */
  readonly format: Field["format"];
  /** The same, where it differs from event to event. */
  readonly formatIn?: (scene: Scene) => NumberFormat | undefined;
  /** What prints where no value came. */
  readonly emptyIn?: (scene: Scene) => string | undefined;
  /** The fields it reads. */
  readonly fields: readonly Field[];
}

/** Where an operand stands: on either side of a comparison, or in an output. */
export type Side = "left" | "right" | "print";

/** A field that no registry has: kept apart, for `skip-if-unknown-filter`. */
export class UnknownFieldError extends ConditionError {}

/**
 * Resolves an operand. `side` right: fields marked for the left side only are refused. Throws
 * `ConditionError`.
 */
export function bindOperand(operand: Operand, fields: FieldRegistry, side: Side): BoundOperand {
  return operand.kind === "field"
    ? bindField(operand, fields, side)
    : bindTransform(operand, { fields, side });
}

/**
 * The field of a name, with its argument: `evt.arg.flags` is `evt.arg[flags]`. Throws
 * `UnknownFieldError`.
 */
export function findField(
  reference: FieldReference,
  fields: FieldRegistry,
): { readonly field: Field; readonly argument: string | undefined } {
  const exact = fields.get(reference.name);
  if (exact !== undefined) return { field: exact, argument: reference.argument };
  for (
    let dot = reference.name.lastIndexOf(".");
    dot > 0;
    dot = reference.name.lastIndexOf(".", dot - 1)
  ) {
    const field = fields.get(reference.name.slice(0, dot));
    if (field?.argument === undefined || reference.argument !== undefined) continue;
    // A dot gives the argument of evt.arg and its like only; k8s.pod.label.app would be ambiguous.
    if (field.argument.dotted !== true)
      throw new ConditionError(`field "${field.name}" needs its argument in brackets`, {
        ...reference,
        hint: `write ${field.name}[${reference.name.slice(dot + 1)}]`,
      });
    return { field, argument: reference.name.slice(dot + 1) };
  }
  const hint = didYouMean(reference.name, fields.names()) ?? "saker fields lists them all";
  throw new UnknownFieldError(`unknown field "${reference.name}"`, {
    start: reference.start,
    end: reference.end,
    hint,
  });
}

function bindField(reference: FieldReference, fields: FieldRegistry, side: Side): BoundOperand {
  const { field, argument } = findField(reference, fields);
  const at = { start: reference.start, end: reference.end };
  if (side === "right" && (field.noRightSide || field.filterOnly))
    throw new ConditionError(`field "${field.name}" cannot stand on the right side`, at);
  if (side !== "print" && field.printOnly)
    throw new ConditionError(`field "${field.name}" can only be printed`, at);
  requireArgument(field, argument, at);
  const type =
    argument === undefined || field.typeOf === undefined ? field.type : field.typeOf(argument);
  if (type === undefined)
    throw new UnknownFieldError(`unknown event argument "${argument ?? ""}"`, {
      ...at,
      hint: "saker events lists the arguments of each event",
    });
  const getAll =
    field.several === undefined || argument !== undefined
      ? undefined
      : (field.bindAll?.(undefined) ?? none);
  const get =
    getAll === undefined ? bound(field, argument, at) : (field.bind?.(undefined) ?? missing);
  const { formatIn, emptyIn } = field;
  const several = getAll === undefined ? undefined : field.several;
  const formats =
    formatIn === undefined || argument === undefined
      ? {}
      : { formatIn: (scene: Scene) => formatIn(argument, scene) };
  const empties =
    emptyIn === undefined || argument === undefined
      ? {}
      : { emptyIn: (scene: Scene) => emptyIn(argument, scene) };
  return {
    type,
    isList: field.list === true,
    get,
    getAll,
    several,
    differs: field.differs,
    format: field.format,
    ...formats,
    ...empties,
    fields: [asAsked(field, argument)],
  };
}

/** With some arguments a field's value is the environment, and it is marked so. */
function asAsked(field: Field, argument: string | undefined): Field {
  return argument !== undefined && field.environmentArguments?.includes(argument) === true
    ? { ...field, environment: "event" }
    : field;
}

interface At {
  readonly start: number;
  readonly end: number;
}

function requireArgument(field: Field, argument: string | undefined, at: At): void {
  if (argument === undefined && field.argument?.required && field.argument.optional !== true)
    throw new ConditionError(`field "${field.name}" needs an argument`, {
      ...at,
      hint: `write ${field.name}[…]`,
    });
  if (argument !== undefined && field.argument === undefined)
    throw new ConditionError(`field "${field.name}" takes no argument`, at);
  if (argument !== undefined && field.argument?.kind === "index" && !/^\d+$/.test(argument)) {
    throw new UnknownFieldError(
      `"${argument}" is not a number, which field "${field.name}" needs`,
      at,
    );
  }
}

function bound(field: Field, argument: string | undefined, at: At): Extract {
  if (field.bind === undefined) return missing;
  const get = field.bind(argument);
  if (get === undefined)
    throw new UnknownFieldError(
      `field "${field.name}" does not take the argument "${argument ?? ""}"`,
      at,
    );
  return get;
}

const missing: Extract = () => undefined;
const NO_VALUES: readonly FieldValue[] = [];
const none: ExtractAll = () => NO_VALUES;

interface Binding {
  readonly fields: FieldRegistry;
  readonly side: Side;
}

function bindTransform(transform: Transform, binding: Binding): BoundOperand {
  const at = { start: transform.start, end: transform.end };
  if (transform.argument !== undefined && transform.name !== "getopt")
    throw new ConditionError(`${transform.name}() takes no argument in brackets`, at);
  switch (transform.name) {
    case "val": {
      const [inner] = transform.arguments;
      if (inner?.kind !== "field") throw new ConditionError("val() takes one field", at);
      return bindOperand(inner, binding.fields, "right");
    }
    case "join":
      return bindJoin(transform, binding);
    case "concat":
      return joined(
        [],
        transform.arguments.map((item) => bindConcatenated(item, binding)),
      );
    case "getopt":
      return bindGetopt(transform, binding);
    default:
      return bindUnary(transform, transform.name, binding);
  }
}

/** Whatever a transformer makes of a text will do; a path will not. */
function bindConcatenated(item: TransformArgument, binding: Binding): Part {
  const at = { start: item.start, end: item.end };
  const problem = new ConditionError("concat() arguments must be strings", at);
  if (item.kind === "arguments") throw problem;
  const part = bindTransformable(item, binding);
  if (sourceTypeOf(item, binding) !== "CHARBUF" || part.isList) throw problem;
  const { get, fields, type } = part;
  return {
    fields,
    get: (scene) => {
      const value = get(scene);
      return value === undefined ? undefined : isText(type) ? value : bytesOfNumber(value);
    },
  };
}

/** The type of what a transformer is applied to in the end. */
function sourceTypeOf(item: TransformArgument, binding: Binding): FieldType {
  const [inner] = item.kind === "transform" ? item.arguments : [];
  if (item.kind === "transform" && inner !== undefined && item.name in UNARY_TRANSFORMERS)
    return sourceTypeOf(inner, binding);
  return item.kind === "field" ? bindOperand(item, binding.fields, binding.side).type : "CHARBUF";
}

/** A number where the real engine expects a text: its bytes up to the first NUL. */
function bytesOfNumber(value: FieldValue): string {
  let [text, left] = ["", BigInt.asUintN(64, BigInt(Number(value)))];
  for (; (left & 0xffn) !== 0n; left >>= 8n) text += String.fromCharCode(Number(left & 0xffn));
  return text;
}

function bindUnary(
  transform: Transform,
  name: keyof typeof UNARY_TRANSFORMERS,
  binding: Binding,
): BoundOperand {
  const at = { start: transform.start, end: transform.end };
  const [inner] = transform.arguments;
  if (transform.arguments.length !== 1 || inner === undefined)
    throw new ConditionError(`${name}() takes one argument`, at);
  const rule = UNARY_TRANSFORMERS[name];
  const source = bindTransformable(inner, binding);
  const result = rule.result(source.type, source.isList);
  if (result === undefined)
    throw new ConditionError(
      `${name}() does not work on ${source.isList ? "a list" : source.type}`,
      at,
    );
  const get: Extract = (scene) => {
    const value = source.get(scene);
    return value === undefined ? undefined : rule.apply(value);
  };
  return {
    ...source,
    type: result,
    isList: source.isList && rule.folds !== true,
    isTerminated: isText(result),
    format: undefined,
    get,
  };
}

/** What a transformer takes: a field or a transformer's result, a text, or a list of them. */
function bindTransformable(item: TransformArgument, binding: Binding): BoundOperand {
  const at = { start: item.start, end: item.end };
  if (item.kind === "value")
    return computed("CHARBUF", false, { get: () => item.text, fields: [] });
  if (item.kind === "arguments") {
    const list = bindList(item, binding, "every item of the list must be one text or number");
    return computed("CHARBUF", true, list);
  }
  const source = bindOperand(item, binding.fields, binding.side);
  const field = item.kind === "field" ? source.fields[0] : undefined;
  if (field?.noTransformer || source.getAll !== undefined)
    throw new ConditionError(`field "${field?.name ?? ""}" cannot be transformed`, at);
  // The real engine loads this and stops at the first event: a transformer has one value where
  // getopt() gives many.
  if (item.kind === "transform" && item.name === "getopt" && source.isList) {
    throw new ConditionError("the whole of getopt() cannot be transformed", {
      ...at,
      hint: "ask for one option: getopt(…)[x]",
    });
  }
  return source;
}

/** A computed operand of its own type that is no field. */
function computed(type: FieldType, isList: boolean, parts: Part): BoundOperand {
  return {
    get: parts.get,
    fields: parts.fields,
    type,
    isList,
    getAll: undefined,
    several: undefined,
    format: undefined,
  };
}

type Part = Pick<BoundOperand, "get" | "fields">;

/**
 * `join(separator, (a, b))` and `concat(a, b)`: text of all parts; one that is missing makes the
 * whole missing.
 */
function bindJoin(transform: Transform, binding: Binding): BoundOperand {
  const [first, second] = transform.arguments;
  if (transform.arguments.length !== 2 || first === undefined || second === undefined) {
    throw new ConditionError("join() takes a separator and a list of parts", {
      start: transform.start,
      end: transform.end,
      hint: 'write join(",", (a, b))',
    });
  }
  const separator = bindText(first, binding, "join() takes a separator that is one text");
  return joined([separator], [bindList(second, binding, "join() second argument must be a list")]);
}

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
  return computed("CHARBUF", false, {
    get,
    fields: [...(separator?.fields ?? []), ...parts.flatMap((part) => part.fields)],
  });
}

/** One text: a literal, or a field or transformer that is one. */
function bindText(item: TransformArgument, binding: Binding, problem: string): Part {
  const at = { start: item.start, end: item.end };
  if (item.kind === "arguments") throw new ConditionError(problem, at);
  const source = bindTransformable(item, binding);
  if (!isText(source.type) || source.isList) throw new ConditionError(problem, at);
  return source;
}

/**
 * A list of texts: a literal one, whose items print as outputs print them, or a field that is one.
 */
function bindList(item: TransformArgument, binding: Binding, problem: string): Part {
  if (item.kind === "arguments") {
    const parts = item.items.map((part) => bindTransformable(part, binding));
    const get: Extract = (scene) => {
      const texts: string[] = [];
      for (const part of parts) {
        const value = part.get(scene);
        if (value === undefined) return undefined;
        texts.push(formatValue(value, part.type));
      }
      return texts;
    };
    return { get, fields: parts.flatMap((part) => part.fields) };
  }
  const isOptions = item.kind === "transform" && item.name === "getopt";
  const source = item.kind === "value" || isOptions ? undefined : bindTransformable(item, binding);
  if (source === undefined || !source.isList)
    throw new ConditionError(problem, { start: item.start, end: item.end });
  return source;
}

function bindGetopt(transform: Transform, binding: Binding): BoundOperand {
  const [source, options] = transform.arguments;
  if (transform.arguments.length !== 2 || options === undefined || source === undefined) {
    throw new ConditionError("getopt() takes a list and the option letters", {
      start: transform.start,
      end: transform.end,
      hint: 'write getopt(("-a", "b"), "a:")',
    });
  }
  const list = bindList(source, binding, "getopt() first argument must be a list");
  const letters = bindText(options, binding, "getopt() second argument must be one text");
  const letter = transform.argument;
  if (letter !== undefined && letter.length !== 1)
    throw new ConditionError("getopt() takes one option letter in its brackets", {
      start: transform.start,
      end: transform.end,
    });
  const get: Extract = (scene) => {
    const [value, known] = [list.get(scene), letters.get(scene)];
    if (!Array.isArray(value) || known === undefined) return undefined;
    const args = value.map(String);
    return letter === undefined
      ? getopt(args, String(known))
      : getoptValue(args, String(known), letter);
  };
  return computed("CHARBUF", letter === undefined, {
    get,
    fields: [...list.fields, ...letters.fields],
  });
}
