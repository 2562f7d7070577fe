import type { Field, FieldRegistry, FieldValue } from "../fields/field.ts";
import { ipText } from "../lib/ip-text.ts";
import type { Scene } from "../state/scene.ts";
import { TRANSFORMERS, type TransformerName } from "./ast.ts";
import { didYouMean } from "./did-you-mean.ts";
import { formatValue } from "./format-value.ts";
import { type BoundOperand, bindOperand, findField, UnknownFieldError } from "./operands.ts";
import { ConditionError } from "./parse-condition.ts";

/** A piece of an output: text, or a field to be filled in. */
type Token =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "field"; readonly key: string; readonly operand: BoundOperand; readonly width: number | undefined; readonly isTransformed: boolean };

/** A rule's output, ready to be filled in. */
export interface OutputTemplate {
  readonly tokens: readonly Token[];
  readonly fields: ReadonlySet<Field>;
}

const FIELD_START = /%(\d+)?([a-z0-9]+\(|[a-z][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+)+)/gy;

/**
 * Compiles an output such as `file=%fd.name user=%user.name`: `%field`, `%field[argument]`, `%10field` (padded and cut to ten
 * columns), `%tolower(field)`. A field's name is the longest one that exists. Throws `ConditionError` with offsets into `text`.
 */
export function compileOutput(text: string, fields: FieldRegistry): OutputTemplate {
  const tokens: Token[] = [];
  const used = new Set<Field>();
  // A leading star says "print <NA> for what is missing", which is what Falco always does.
  let at = text.startsWith("*") ? 1 : 0;
  let literal = "";
  while (at < text.length) {
    const token = text[at] === "%" ? readToken(text, at, fields) : undefined;
    if (token === undefined) {
      literal += text[at];
      at += 1;
      continue;
    }
    if (literal !== "") tokens.push({ kind: "text", text: literal });
    literal = "";
    tokens.push(token.token);
    for (const field of token.token.operand.fields) used.add(field);
    at = token.end;
  }
  if (literal !== "") tokens.push({ kind: "text", text: literal });
  return { tokens, fields: used };
}

/** The output with its fields filled in from a scene. */
export function renderOutput(template: OutputTemplate, scene: Scene): string {
  let text = "";
  for (const token of template.tokens) {
    if (token.kind === "text") text += token.text;
    else text += token.width === undefined ? textOf(token.operand, scene) : textOf(token.operand, scene).slice(0, token.width).padEnd(token.width);
  }
  return text;
}

/** Each field of the output with its value, by the name it stands under; null for what is missing. Transformed ones are left out, as Falco leaves them. */
export function outputFields(template: OutputTemplate, scene: Scene): Record<string, FieldValue | null> {
  const values: Record<string, FieldValue | null> = {};
  for (const token of template.tokens) {
    if (token.kind === "text" || token.isTransformed) continue;
    values[token.key] = valueOf(token.operand, scene) ?? null;
  }
  return values;
}

function textOf(operand: BoundOperand, scene: Scene): string {
  if (operand.getAll === undefined) return formatValue(operand.get(scene), operand.type);
  const values = operand.getAll(scene);
  return values.length === 0 ? formatValue(undefined, operand.type) : values.map((value) => formatValue(value, operand.type)).join(" ");
}

function valueOf(operand: BoundOperand, scene: Scene): FieldValue | undefined {
  if (operand.getAll !== undefined) return operand.getAll(scene).length === 0 ? undefined : textOf(operand, scene);
  const value = operand.get(scene);
  if (!(value instanceof Uint8Array)) return Array.isArray(value) ? formatValue(value, operand.type) : value;
  return operand.type === "IPADDR" || operand.type === "IPNET" ? ipText(value) : formatValue(value, operand.type);
}

interface FoundToken {
  readonly token: Extract<Token, { readonly kind: "field" }>;
  readonly end: number;
}

function readToken(text: string, at: number, fields: FieldRegistry): FoundToken {
  FIELD_START.lastIndex = at;
  const match = FIELD_START.exec(text);
  if (match === null) {
    const word = /^%\d*([\w.]*)/.exec(text.slice(at))?.[0] ?? "%";
    throw new UnknownFieldError(`"${word}" names no field`, { start: at, end: at + Math.max(1, word.length), hint: "write %field, such as %proc.name" });
  }
  const width = match[1] === undefined ? undefined : Number(match[1]);
  const name = match[2] ?? "";
  const start = match.index + match[0].length - name.length;
  const inner = name.endsWith("(") ? readTransform(text, start, fields) : readField(text, start, fields, name);
  return { token: { kind: "field", width, ...inner.token }, end: inner.end };
}

interface Inner {
  readonly token: { readonly key: string; readonly operand: BoundOperand; readonly isTransformed: boolean };
  readonly end: number;
}

/** The longest field at `start`: `proc.name.` is the field and a full stop. */
function readField(text: string, start: number, fields: FieldRegistry, whole: string): Inner {
  for (let name = whole; name.includes("."); name = name.slice(0, name.lastIndexOf("."))) {
    const end = start + name.length;
    const argument = /^\[("[^"]*"|'[^']*'|[^\]"']*)\]/.exec(text.slice(end));
    const reference = { kind: "field", name, argument: argument?.[1]?.replace(/^(["'])(.*)\1$/, "$2"), start, end } as const;
    if (!isKnown(reference, fields)) continue;
    const operand = bindOperand(reference, fields, "left");
    refuseFilterOnly(operand, start, end);
    const key = `${name}${argument?.[0] ?? ""}`;
    return { token: { key, operand, isTransformed: false }, end: end + (argument?.[0].length ?? 0) };
  }
  const hint = didYouMean(whole, fields.names()) ?? "saker fields lists them all";
  throw new UnknownFieldError(`unknown field "${whole}"`, { start: start - 1, end: start + whole.length, hint });
}

function isKnown(reference: Parameters<typeof findField>[0], fields: FieldRegistry): boolean {
  try {
    findField(reference, fields);
    return true;
  } catch {
    return false;
  }
}

function readTransform(text: string, start: number, fields: FieldRegistry): Inner {
  const open = text.indexOf("(", start);
  const name = text.slice(start, open);
  if (!(TRANSFORMERS as readonly string[]).includes(name)) {
    throw new ConditionError(`unknown transformer "${name}"`, { start, end: open, hint: didYouMean(name, TRANSFORMERS) });
  }
  const nested = /^[a-z0-9]+\(/.exec(text.slice(open + 1));
  const whole = /^[a-zA-Z0-9_.]+/.exec(text.slice(open + 1))?.[0] ?? "";
  const inner = nested === null ? readField(text, open + 1, fields, whole) : readTransform(text, open + 1, fields);
  if (text[inner.end] !== ")") throw new ConditionError(`expected ")" behind ${name}(${inner.token.key}`, { start: inner.end });
  const argument = { kind: "field", name: inner.token.key.replace(/\[.*$/, ""), argument: /\[(.*)\]$/.exec(inner.token.key)?.[1], start: open + 1, end: inner.end } as const;
  if (nested !== null) throw new ConditionError("transformers in outputs do not nest", { start: open + 1 });
  const operand = bindOperand({ kind: "transform", name: name as TransformerName, arguments: [argument], start, end: inner.end + 1 }, fields, "left");
  return { token: { key: `${name}(${inner.token.key})`, operand, isTransformed: true }, end: inner.end + 1 };
}

function refuseFilterOnly(operand: BoundOperand, start: number, end: number): void {
  const field = operand.fields[0];
  if (field?.filterOnly) throw new ConditionError(`field "${field.name}" can stand in conditions only`, { start: start - 1, end });
}
