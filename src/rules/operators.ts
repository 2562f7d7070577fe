import type { FieldType, FieldValue, SingleValue } from "../fields/field.ts";
import { encodeText, latin1Text } from "../lib/text.ts";
import { lowerAscii } from "./ascii-case.ts";
import type { Modifier, Operator, Value } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import { compileGlob } from "./glob.ts";
import { compileNetwork, type NetworkMatcher } from "./ip-network.ts";
import { normal, parseNumber } from "./numbers.ts";
import { compilePathPrefixes } from "./path-prefixes.ts";
import { compileRegex } from "./regex.ts";
import { TYPE_SHAPES, type TypeShape } from "./value-types.ts";

/**
 * Does a field's value satisfy a comparison with constants? Hot: resolved at load, never throws.
 */
export interface ValueTest {
  (value: FieldValue): boolean;
  /** The same of a text, for whoever knows that the value is one. */
  readonly ofText?: (text: string) => boolean;
}

/** An operator with the constants on its right, before they are compiled. */
export interface Comparison {
  readonly operator: Operator;
  readonly modifier: Modifier | undefined;
  readonly values: readonly Value[];
  readonly type: FieldType;
  readonly isList: boolean;
  /** The whole check, for errors about the operator. */
  readonly start: number;
  readonly end: number;
}

const EQUALITY: readonly Operator[] = ["=", "==", "!=", "in", "intersects"];
const ORDER: readonly Operator[] = ["<", "<=", ">", ">="];

/** Which operators compare values of a family with constants. */
const LEGAL: Readonly<Record<TypeShape["family"] | "list", ReadonlySet<Operator>>> = {
  text: new Set([
    ...EQUALITY,
    ...ORDER,
    "contains",
    "icontains",
    "startswith",
    "endswith",
    "glob",
    "iglob",
    "regex",
    "pmatch",
  ]),
  bytes: new Set([...EQUALITY, "contains", "startswith", "endswith", "bcontains", "bstartswith"]),
  bool: new Set(EQUALITY),
  number: new Set([...EQUALITY, ...ORDER]),
  address: new Set(EQUALITY),
  network: new Set(EQUALITY),
  opaque: new Set(),
  list: new Set(["in", "intersects"]),
};

/**
 * The tests for a comparison's constants: one for all of them, or one for each where a modifier
 * combines them. Throws `ConditionError` where operator, type and constants do not go together.
 */
export function compileComparison(comparison: Comparison): readonly ValueTest[] {
  requireOperator(comparison);
  if (comparison.modifier !== undefined)
    return comparison.values.map((value) =>
      scalarTest({ ...comparison, modifier: undefined, values: [value] }),
    );
  return [comparison.isList ? listTest(comparison) : scalarTest(comparison)];
}

/** Throws `ConditionError` where an operator does not compare values of a type with constants. */
export function requireOperator({
  operator,
  type,
  isList,
  start,
  end,
}: Pick<Comparison, "operator" | "type" | "isList" | "start" | "end">): void {
  const legal = LEGAL[isList ? "list" : TYPE_SHAPES[type].family];
  if (legal.has(operator)) return;
  const what = isList ? "a list" : type;
  throw new ConditionError(`operator "${operator}" does not work on ${what}`, {
    start,
    end,
    hint: `operators for it are ${[...legal].join(" ")} exists`,
  });
}

/**
 * `in`: every item of the field is among the values, none at all too; `intersects`: at least one
 * is.
 */
function listTest(comparison: Comparison): ValueTest {
  const test = scalarTest({ ...comparison, operator: "in", isList: false });
  if (comparison.operator === "in") return (value) => Array.isArray(value) && value.every(test);
  return (value) => Array.isArray(value) && value.some(test);
}

function scalarTest(comparison: Comparison): ValueTest {
  switch (TYPE_SHAPES[comparison.type].family) {
    case "text": {
      const ofText = textTest(comparison, comparison.values.map(textOf));
      return Object.assign((value: FieldValue) => typeof value === "string" && ofText(value), {
        ofText,
      });
    }
    case "bytes":
      return bytesTest(comparison);
    case "bool":
      return boolTest(comparison);
    case "address":
    case "network":
      return networkTest(comparison);
    case "number":
      return numberTest(comparison);
    case "opaque":
      throw new ConditionError(`values of type ${comparison.type} cannot be compared`, comparison);
  }
}

/** Longest text that the real engine takes as a value, in bytes. */
const MAX_VALUE = 255;

function textOf(value: Value): string {
  const { length } = encodeText(value.text);
  if (length > MAX_VALUE)
    throw new ConditionError(
      `value is ${length} bytes long, at most ${MAX_VALUE} are compared`,
      value,
    );
  if (value.text.includes("\0"))
    throw new ConditionError("value holds a NUL, which no text has", value);
  return value.text;
}

function textTest(
  { operator, values, start, end }: Comparison,
  texts: readonly string[],
): (text: string) => boolean {
  const wanted = texts[0] ?? "";
  switch (operator) {
    case "=":
    case "==":
      return (text) => text === wanted;
    case "!=":
      return (text) => text !== wanted;
    // By code units, which is by bytes for all that these comparisons are used on.
    case "<":
      return (text) => text < wanted;
    case "<=":
      return (text) => text <= wanted;
    case ">":
      return (text) => text > wanted;
    case ">=":
      return (text) => text >= wanted;
    case "contains":
      return (text) => text.includes(wanted);
    case "icontains": {
      const lower = lowerAscii(wanted);
      return (text) => lowerAscii(text).includes(lower);
    }
    case "startswith":
      return (text) => text.startsWith(wanted);
    case "endswith":
      return (text) => text.endsWith(wanted);
    case "glob":
      return compileGlob(wanted);
    case "iglob":
      return compileGlob(wanted, { ignoreCase: true });
    case "regex":
      return regexTest(values[0], wanted);
    case "pmatch":
      return compilePathPrefixes(texts);
    case "in":
    case "intersects": {
      const set = new Set(texts);
      return (text) => set.has(text);
    }
    default:
      throw new ConditionError(`operator "${operator}" does not work on text`, { start, end });
  }
}

function regexTest(value: Value | undefined, pattern: string): (text: string) => boolean {
  try {
    return compileRegex(pattern);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConditionError(`not a regular expression: ${reason}`, {
      start: value?.start ?? 0,
      end: value?.end ?? 1,
    });
  }
}

/** Bytes are compared as texts of one character a byte. */
function bytesTest(comparison: Comparison): ValueTest {
  const { operator, values } = comparison;
  if (operator === "bcontains" || operator === "bstartswith") {
    const wanted = latin1Text(hexBytes(values[0]));
    return operator === "bcontains"
      ? (bytes) => bytes instanceof Uint8Array && latin1Text(bytes).includes(wanted)
      : (bytes) => bytes instanceof Uint8Array && latin1Text(bytes).startsWith(wanted);
  }
  const test = textTest(
    comparison,
    values.map((value) => latin1Text(encodeText(value.text))),
  );
  return (bytes) => bytes instanceof Uint8Array && test(latin1Text(bytes));
}

function hexBytes(value: Value | undefined): Uint8Array {
  const hex = value?.text ?? "";
  if (/^(?:[0-9a-fA-F]{2})*$/.test(hex))
    return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  throw new ConditionError(`"${hex}" is not an even number of hexadecimal digits`, {
    start: value?.start ?? 0,
    end: value?.end ?? 1,
    hint: "write bytes as cafebabe",
  });
}

function boolTest({ operator, values }: Comparison): ValueTest {
  const wanted = values.map((value) => {
    if (value.text === "true") return true;
    if (value.text === "false") return false;
    throw new ConditionError(`"${value.text}" is not true or false`, {
      ...value,
      hint: "write true or false, in lower case",
    });
  });
  return operator === "!="
    ? (value) => value !== wanted[0]
    : (value) => typeof value === "boolean" && wanted.includes(value);
}

function networkTest({ operator, values, type }: Comparison): ValueTest {
  const isNetwork = TYPE_SHAPES[type].family === "network";
  const matchers = values.map((value): NetworkMatcher => {
    const matcher = isNetwork === value.text.includes("/") ? compileNetwork(value.text) : undefined;
    if (matcher !== undefined) return matcher;
    const hint = isNetwork
      ? "write a network as 10.0.0.0/8"
      : "fields for networks end in net, such as fd.snet";
    throw new ConditionError(
      `"${value.text}" is not ${isNetwork ? "an IP network" : "an IP address"}`,
      { ...value, hint },
    );
  });
  const any: ValueTest = (value) =>
    value instanceof Uint8Array && matchers.some((matches) => matches(value));
  return operator === "!=" ? (value) => !any(value) : any;
}

function numberTest({ operator, values, type }: Comparison): ValueTest {
  const numbers = values.map((value) => {
    const number = parseNumber(value.text, type);
    if (number === undefined)
      throw new ConditionError(`"${value.text}" is not a valid number`, {
        ...value,
        hint: "write plain decimal digits",
      });
    return number;
  });
  const wanted = numbers[0] ?? 0;
  switch (operator) {
    case "=":
    case "==":
      return (value) => isNumber(value) && normal(value) === wanted;
    case "!=":
      return (value) => isNumber(value) && normal(value) !== wanted;
    case "<":
      return (value) => isNumber(value) && value < wanted;
    case "<=":
      return (value) => isNumber(value) && value <= wanted;
    case ">":
      return (value) => isNumber(value) && value > wanted;
    case ">=":
      return (value) => isNumber(value) && value >= wanted;
    default: {
      const set = new Set<SingleValue>(numbers);
      return (value) => isNumber(value) && set.has(normal(value));
    }
  }
}

function isNumber(value: FieldValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
