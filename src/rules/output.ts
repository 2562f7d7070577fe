import type { Field, FieldRegistry, FieldValue, SingleValue } from "../fields/field.ts";
import { latin1Text, printable } from "../lib/text.ts";
import type { Scene } from "../state/scene.ts";
import { type Operand, TRANSFORMERS } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import { formatValue, MISSING } from "./format-value.ts";
import { type BoundOperand, bindOperand, UnknownFieldError } from "./operands.ts";
import { parseOperandAt } from "./parse-condition.ts";
import { printOperand } from "./print-condition.ts";
import { TYPE_SHAPES } from "./value-types.ts";

/** A field or transformer of an output, under the name that `output_fields` has for it. */
export interface OutputField {
  readonly key: string;
  readonly operand: BoundOperand;
  readonly isTransformed: boolean;
}

/**
 * A piece of an output: text, or a field to be filled in, padded and cut to `width` columns where
 * one is given.
 */
type Token =
  | { readonly kind: "text"; readonly text: string }
  | ({ readonly kind: "field"; readonly width: number | undefined } & OutputField);

/** A rule's output, ready to be filled in. */
export interface OutputTemplate {
  readonly tokens: readonly Token[];
  /**
   * All its fields in their order, as often as they stand there; what a transformer is applied to
   * stands before it.
   */
  readonly named: readonly OutputField[];
  readonly fields: ReadonlySet<Field>;
  /**
   * A leading `*`: a missing value prints `<NA>`; without it the text ends there. Rules' outputs
   * always have it.
   */
  readonly printsMissing: boolean;
}

/** How an output's values look. */
export interface OutputOptions {
  /** Buffers (`evt.buffer`) in Base64, in place of text with dots (buffer_format_base64). */
  readonly base64?: boolean;
}

/**
 * Compiles an output such as `*file=%fd.name user=%user.name`: `%field`, `%field[argument]`,
 * `%10field` (padded and cut to ten columns), `%tolower(field)`. A field's name is the longest one
 * that exists. Throws `ConditionError` with offsets into `text`.
 */
export function compileOutput(
  text: string,
  fields: FieldRegistry,
  { base64 = false }: OutputOptions = {},
): OutputTemplate {
  const shown = (bound: BoundOperand): BoundOperand => (base64 ? inBase64(bound) : bound);
  const tokens: Token[] = [];
  const named: OutputField[] = [];
  const printsMissing = text.startsWith("*");
  let at = printsMissing ? 1 : 0;
  while (at < text.length) {
    const next = text.indexOf("%", at);
    if (next !== at)
      tokens.push({ kind: "text", text: text.slice(at, next < 0 ? text.length : next) });
    if (next < 0) break;
    const { operand, bound, end, width } = readToken(text, next, fields);
    named.push(
      ...namesOf(operand).map((one) => outputField(one, shown(bindOperand(one, fields, "print")))),
    );
    tokens.push({ kind: "field", width, ...outputField(operand, shown(bound)) });
    at = end;
  }
  return {
    tokens,
    named,
    fields: new Set(named.flatMap(({ operand }) => operand.fields)),
    printsMissing,
  };
}

/** The output with its fields filled in from a scene. */
export function renderOutput(template: OutputTemplate, scene: Scene): string {
  let text = "";
  for (const token of template.tokens) {
    if (token.kind === "text") {
      text += token.text;
      continue;
    }
    const value = textOf(token.operand, scene);
    if (value === undefined && !template.printsMissing) return text;
    text +=
      token.width === undefined
        ? (value ?? MISSING)
        : (value ?? MISSING).slice(0, token.width).padEnd(token.width);
  }
  return text;
}

/**
 * Each field of the output with its value, by its name; null for what is missing. Transformed ones
 * are left out, as Falco leaves them.
 */
export function outputFields(template: OutputTemplate, scene: Scene): Record<string, OutputValue> {
  const values: Record<string, OutputValue> = {};
  for (const { key, operand, isTransformed } of template.named)
    if (!isTransformed) values[key] = valueOf(operand, scene);
  return values;
}

/** A value in `output_fields`: numbers stay numbers, missing is null. */
export type OutputValue = string | number | bigint | boolean | null;

/** One field's value as `output_fields` has it. */
export function valueOf(operand: BoundOperand, scene: Scene): OutputValue {
  const value = operand.get(scene);
  const isPlain =
    typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
  // What prints in hexadecimal digits is a text in JSON, too.
  const isHex = operand.format === "HEX" || operand.formatIn?.(scene) === "HEX";
  return isPlain && !isHex && TYPE_SHAPES[operand.type].family !== "opaque"
    ? value
    : (textOf(operand, scene) ?? null);
}

/** One field's value as text; undefined when it is missing. */
export function textOf(operand: BoundOperand, scene: Scene): string | undefined {
  const value = operand.get(scene);
  if (value !== undefined)
    return operand.formatIn === undefined
      ? printed(value, operand)
      : printed(value, {
          type: operand.type,
          format: operand.formatIn(scene) === "HEX" ? "HEX" : undefined,
        });
  const values = operand.getAll?.(scene) ?? [];
  if (values.length === 0) return operand.emptyIn?.(scene);
  // Nothing stands between empty values at the beginning, as in the real engine.
  let text = "";
  for (const one of values) text += `${text === "" ? "" : " "}${printed(one, operand)}`;
  return text;
}

function printed(
  value: FieldValue | SingleValue,
  operand: Pick<BoundOperand, "type" | "format">,
): string {
  if (operand.format === "HEX" && (typeof value === "number" || typeof value === "bigint"))
    return value.toString(16).toUpperCase();
  return printable(formatValue(value, operand.type));
}

/** A buffer's bytes as Base64; other operands as they are. */
function inBase64(operand: BoundOperand): BoundOperand {
  if (operand.type !== "BYTEBUF") return operand;
  const get = (scene: Scene): FieldValue | undefined => {
    const value = operand.get(scene);
    return value instanceof Uint8Array ? btoa(latin1Text(value)) : value;
  };
  return { ...operand, get };
}

const WIDTH = /\d*/y;
const TRANSFORMER = new RegExp(`(?:${TRANSFORMERS.join("|")})\\(`, "y");
const FIELD = /[a-zA-Z]\w*(?:\.[a-zA-Z]\w*)+/y;

function readToken(
  text: string,
  at: number,
  fields: FieldRegistry,
): Found & { readonly width: number | undefined } {
  WIDTH.lastIndex = at + 1;
  const digits = WIDTH.exec(text)?.[0] ?? "";
  const start = at + 1 + digits.length;
  const width = digits === "" || Number(digits) === 0 ? undefined : Number(digits);
  if (start >= text.length)
    throw new ConditionError(
      digits === "" ? "an output cannot end with %" : "an output cannot end with a number behind %",
      { start: at, end: start },
    );
  TRANSFORMER.lastIndex = start;
  const found = TRANSFORMER.test(text)
    ? readTransform(text, start, fields)
    : readField(text, start, fields);
  return { ...found, width };
}

interface Found {
  readonly operand: Operand;
  readonly bound: BoundOperand;
  readonly end: number;
}

function readTransform(text: string, start: number, fields: FieldRegistry): Found {
  const { operand, end } = parseOperandAt(text, start);
  return { operand, bound: bindOperand(operand, fields, "print"), end };
}

/**
 * The longest field at `start`: `proc.name.` is the field and a full stop, `proc.name[0]` the field
 * and brackets, `proc.nameand` the field and a word.
 */
function readField(text: string, start: number, fields: FieldRegistry): Found {
  FIELD.lastIndex = start;
  const whole = FIELD.exec(text)?.[0];
  if (whole === undefined) {
    const word = /^[\w.]*/.exec(text.slice(start))?.[0] ?? "";
    throw new UnknownFieldError(`"%${word}" names no field`, {
      start: start - 1,
      end: start + Math.max(1, word.length),
      hint: "write %field, such as %proc.name",
    });
  }
  const first = attempt(() => readTransform(text, start, fields));
  if (!(first instanceof ConditionError)) return first;
  for (let name = whole; name.includes("."); name = name.slice(0, -1)) {
    const operand = {
      kind: "field",
      name,
      argument: undefined,
      start,
      end: start + name.length,
    } as const;
    const bound = attempt(() => bindOperand(operand, fields, "print"));
    if (!(bound instanceof ConditionError)) return { operand, bound, end: operand.end };
  }
  if (fields.get(whole) !== undefined) throw first;
  const hint = didYouMean(whole, fields.names()) ?? "saker fields lists them all";
  throw new UnknownFieldError(`unknown field "${whole}"`, {
    start: start - 1,
    end: start + whole.length,
    hint,
  });
}

function attempt<T>(act: () => T): T | ConditionError {
  try {
    return act();
  } catch (thrown) {
    if (thrown instanceof ConditionError) return thrown;
    throw thrown;
  }
}

function outputField(operand: Operand, bound: BoundOperand): OutputField {
  return {
    key: printOperand(operand),
    operand: bound,
    isTransformed: operand.kind === "transform",
  };
}

/**
 * An operand and what it is made of. Of a transformer that stands last within another one only the
 * outer has a name, as in the real engine.
 */
function namesOf(operand: Operand): Operand[] {
  if (operand.kind === "field") return [operand];
  const names = operand.arguments
    .flatMap((argument) => (argument.kind === "arguments" ? argument.items : [argument]))
    .flatMap((item) => (item.kind === "field" || item.kind === "transform" ? namesOf(item) : []));
  return [...(names.at(-1)?.kind === "transform" ? names.slice(0, -1) : names), operand];
}
