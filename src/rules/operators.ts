import type { FieldType, FieldValue } from "../fields/field.ts";
import type { Modifier, Operator, Value } from "./ast.ts";
import { ConditionError } from "./parse-condition.ts";
import { compileGlob } from "./glob.ts";
import { compileNetwork, type NetworkMatcher } from "./ip-network.ts";
import { isNumberType, normal, parseNumber } from "./numbers.ts";
import { compilePathPrefixes } from "./path-prefixes.ts";
import { compileRegex } from "./regex.ts";

/** Does a field's value satisfy a comparison with constants? Hot: resolved at load, never throws. */
export type ValueTest = (value: FieldValue) => boolean;

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

const TEXT_OPERATORS: ReadonlySet<Operator> = new Set(["=", "==", "!=", "<", "<=", ">", ">=", "contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "in", "intersects", "pmatch"]);
const NUMBER_OPERATORS: ReadonlySet<Operator> = new Set(["=", "==", "!=", "<", "<=", ">", ">=", "in", "intersects"]);
const EQUALITY: ReadonlySet<Operator> = new Set(["=", "==", "!=", "in", "intersects"]);
const BYTE_OPERATORS: ReadonlySet<Operator> = new Set(["=", "==", "!=", "contains", "startswith", "endswith", "in", "intersects", "bcontains", "bstartswith"]);

/** A test for constants on the right side. Throws `ConditionError` where operator, type and constants do not go together. */
export function compileComparison(comparison: Comparison): ValueTest {
  const { modifier } = comparison;
  requireOperator(comparison);
  if (comparison.isList) return listTest(comparison);
  if (modifier === undefined) return scalarTest(comparison);
  const tests = comparison.values.map((value) => scalarTest({ ...comparison, modifier: undefined, values: [value] }));
  // `!=` with oneof or anyof thus means "differs from at least one", as in Falco.
  return modifier === "allof" ? (value) => tests.every((test) => test(value)) : (value) => tests.some((test) => test(value));
}

function requireOperator({ operator, type, isList, start, end }: Comparison): void {
  const legal = isList ? LIST_OPERATORS : operatorsOf(type);
  if (legal.has(operator)) return;
  const what = isList ? "a list" : type;
  throw new ConditionError(`operator "${operator}" does not work on ${what}`, { start, end, hint: `operators for it are ${[...legal].join(" ")} exists` });
}

const LIST_OPERATORS: ReadonlySet<Operator> = new Set(["in", "intersects"]);

function operatorsOf(type: FieldType): ReadonlySet<Operator> {
  if (type === "CHARBUF") return TEXT_OPERATORS;
  if (type === "BYTEBUF") return BYTE_OPERATORS;
  if (type === "BOOL") return EQUALITY;
  if (type === "IPADDR" || type === "IPNET") return EQUALITY;
  return type === "DYN" ? new Set([...TEXT_OPERATORS, ...NUMBER_OPERATORS]) : NUMBER_OPERATORS;
}

function listTest({ operator, values }: Comparison): ValueTest {
  const wanted = new Set(values.map((value) => value.text));
  if (operator === "in") return (value) => Array.isArray(value) && value.every((item) => wanted.has(String(item)));
  return (value) => Array.isArray(value) && value.some((item) => wanted.has(String(item)));
}

function scalarTest(comparison: Comparison): ValueTest {
  const { type } = comparison;
  if (type === "CHARBUF") return textTest(comparison);
  if (type === "BYTEBUF") return bytesTest(comparison);
  if (type === "BOOL") return boolTest(comparison);
  if (type === "IPADDR" || type === "IPNET") return networkTest(comparison);
  if (type === "DYN") return dynamicTest(comparison);
  return numberTest(comparison);
}

function textTest(comparison: Comparison): ValueTest {
  const test = textMatcher(comparison);
  return (value) => typeof value === "string" && test(value);
}

function textMatcher({ operator, values, start, end }: Comparison): (text: string) => boolean {
  const wanted = values[0]?.text ?? "";
  const lower = wanted.toLowerCase();
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
    case "icontains":
      return (text) => text.toLowerCase().includes(lower);
    case "startswith":
      return (text) => text.startsWith(wanted);
    case "endswith":
      return (text) => text.endsWith(wanted);
    case "glob":
      return compileGlob(wanted);
    case "iglob":
      return compileGlob(wanted, { ignoreCase: true });
    case "regex":
      return regexMatcher(values[0], wanted);
    case "pmatch":
      return compilePathPrefixes(values.map((value) => value.text));
    case "in":
    case "intersects": {
      const set = new Set(values.map((value) => value.text));
      return (text) => set.has(text);
    }
    default:
      throw new ConditionError(`operator "${operator}" does not work on text`, { start, end });
  }
}

function regexMatcher(value: Value | undefined, pattern: string): (text: string) => boolean {
  try {
    return compileRegex(pattern);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConditionError(`not a regular expression: ${reason}`, { start: value?.start ?? 0, end: value?.end ?? 1 });
  }
}

function bytesTest(comparison: Comparison): ValueTest {
  const { operator, values } = comparison;
  if (operator === "bcontains" || operator === "bstartswith") {
    const value = values[0];
    const hex = value?.text ?? "";
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) {
      throw new ConditionError(`"${hex}" is not an even number of hexadecimal digits`, { start: value?.start ?? 0, end: value?.end ?? 1, hint: "write bytes as cafebabe" });
    }
    const wanted = latin1(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
    return operator === "bcontains"
      ? (bytes) => bytes instanceof Uint8Array && latin1(bytes).includes(wanted)
      : (bytes) => bytes instanceof Uint8Array && latin1(bytes).startsWith(wanted);
  }
  const test = textMatcher(comparison);
  return (bytes) => bytes instanceof Uint8Array && test(new TextDecoder().decode(bytes));
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function boolTest({ operator, values }: Comparison): ValueTest {
  const wanted = values.map((value) => {
    if (value.text === "true") return true;
    if (value.text === "false") return false;
    throw new ConditionError(`"${value.text}" is not true or false`, { ...value, hint: "write true or false, in lower case" });
  });
  return operator === "!=" ? (value) => value !== wanted[0] : (value) => typeof value === "boolean" && wanted.includes(value);
}

function networkTest({ operator, values, type }: Comparison): ValueTest {
  const matchers = values.map((value): NetworkMatcher => {
    const matcher = (type === "IPNET") === value.text.includes("/") ? compileNetwork(value.text) : undefined;
    if (matcher !== undefined) return matcher;
    const what = type === "IPADDR" ? "an IP address" : "an IP network";
    throw new ConditionError(`"${value.text}" is not ${what}`, { ...value, hint: type === "IPADDR" ? "fields for networks end in net, such as fd.snet" : "write a network as 10.0.0.0/8" });
  });
  const any: ValueTest = (value) => value instanceof Uint8Array && matchers.some((matches) => matches(value));
  return operator === "!=" ? (value) => !any(value) : any;
}

function dynamicTest(comparison: Comparison): ValueTest {
  const isNumeric = comparison.values.every((value) => parseNumber(value.text, "INT64") !== undefined);
  const number = isNumeric && NUMBER_OPERATORS.has(comparison.operator) ? numberTest({ ...comparison, type: "INT64" }) : undefined;
  const text = TEXT_OPERATORS.has(comparison.operator) ? textTest(comparison) : undefined;
  return (value) => (typeof value === "string" ? text?.(value) === true : number?.(value) === true);
}

function numberTest({ operator, values, type }: Comparison): ValueTest {
  if (!isNumberType(type)) throw new ConditionError(`values of type ${type} cannot be compared`, values[0] ?? { start: 0 });
  const numbers = values.map((value) => {
    const number = parseNumber(value.text, type);
    if (number === undefined) throw new ConditionError(`"${value.text}" is not a valid number`, { ...value, hint: "write plain decimal digits" });
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
      const set = new Set(numbers);
      return (value) => isNumber(value) && set.has(normal(value));
    }
  }
}

function isNumber(value: FieldValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
