import { EVENT_TYPE_BY_NAME } from "../events/schema.ts";
import type { Field, FieldRegistry, FieldValue } from "../fields/field.ts";
import { latin1Text } from "../lib/text.ts";
import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import type {
  Check,
  Expression,
  Modifier,
  Operand,
  Operator,
  Right,
  TransformArgument,
  Value,
} from "./ast.ts";
import { lowerAscii } from "./ascii-case.ts";
import { ConditionError, FailedCheck } from "./condition-error.ts";
import { adviceOn } from "./condition-advice.ts";
import { compileGlob } from "./glob.ts";
import { didYouMean } from "./did-you-mean.ts";
import { isKnownEventName } from "./event-codes.ts";
import { normal } from "./numbers.ts";
import { type BoundOperand, bindOperand, findField, UnknownFieldError } from "./operands.ts";
import { compileComparison, requireOperator, type ValueTest } from "./operators.ts";
import { isText, TYPE_SHAPES } from "./value-types.ts";

/**
 * True when a scene satisfies the condition. Hot: never throws; a missing value makes its
 * comparison false.
 */
export type Predicate = (scene: Scene) => boolean;

/** A condition as it runs, with what it asks for and what is to be said of it. */
export interface CompiledCondition {
  readonly predicate: Predicate;
  /** All fields that the condition reads. */
  readonly fields: ReadonlySet<Field>;
  /** The host names that addresses are compared with. */
  readonly hostNames: ReadonlySet<string>;
  /** What loads and is most likely not what was meant. */
  readonly advice: readonly { readonly check: Check; readonly advice: ConditionError }[];
}

/**
 * Parts that stand in many conditions: macros. Each is compiled once for all rules of a load, and
 * asked once an event.
 */
export interface SharedParts {
  readonly isShared: (expression: Expression) => boolean;
  readonly compiled: Map<Expression, CompiledCondition>;
  /** The same where they stand behind an odd number of `not`. */
  readonly negated: Map<Expression, CompiledCondition>;
}

/** Compiles a condition without macros. Throws `FailedCheck`. */
export function compileCondition(
  expression: Expression,
  fields: FieldRegistry,
  shared: SharedParts = NONE_SHARED,
): CompiledCondition {
  const context = newContext(fields, shared);
  const predicate = compile(expression, context);
  return { predicate, fields: context.used, hostNames: context.hostNames, advice: context.advice };
}

const NONE_SHARED: SharedParts = { isShared: () => false, compiled: new Map(), negated: new Map() };

interface Context {
  readonly registry: FieldRegistry;
  readonly used: Set<Field>;
  readonly hostNames: Set<string>;
  readonly advice: { check: Check; advice: ConditionError }[];
  readonly shared: SharedParts;
  /** Whether what is compiled stands behind an odd number of `not`. */
  isNegated: boolean;
}

function newContext(registry: FieldRegistry, shared: SharedParts, isNegated = false): Context {
  return { registry, used: new Set(), hostNames: new Set(), advice: [], shared, isNegated };
}

function compile(expression: Expression, context: Context): Predicate {
  const { shared, registry } = context;
  if (!shared.isShared(expression)) return compileNew(expression, context);
  const compiled = context.isNegated ? shared.negated : shared.compiled;
  let part = compiled.get(expression);
  if (part === undefined) {
    const own = newContext(registry, shared, context.isNegated);
    part = {
      predicate: perEvent(compileNew(expression, own)),
      fields: own.used,
      hostNames: own.hostNames,
      advice: own.advice,
    };
    compiled.set(expression, part);
  }
  for (const field of part.fields) context.used.add(field);
  for (const name of part.hostNames) context.hostNames.add(name);
  context.advice.push(...part.advice);
  return part.predicate;
}

function compileNew(expression: Expression, context: Context): Predicate {
  switch (expression.kind) {
    case "and":
      return all(expression.operands.map((operand) => compile(operand, context)));
    case "or":
      return any(expression.operands.map((operand) => compile(operand, context)));
    case "not": {
      context.isNegated = !context.isNegated;
      const operand = compile(expression.operand, context);
      context.isNegated = !context.isNegated;
      return (scene) => !operand(scene);
    }
    case "check":
      try {
        return inDoubt(expression, compileCheck(expression, context), context);
      } catch (thrown) {
        throw thrown instanceof ConditionError ? new FailedCheck(thrown, expression) : thrown;
      }
    case "macro":
      throw new ConditionError(`undefined macro "${expression.name}"`, expression);
  }
}

/** A comparison of paths holds of a path that was cut, or does not behind `not`: either way its rule may match. */
function inDoubt(
  { left }: Check,
  predicate: Predicate,
  { registry, isNegated }: Context,
): Predicate {
  if (!isPath(left, registry)) return predicate;
  return (scene) => (scene.isDoubtful ? !isNegated : predicate(scene));
}

function isPath(operand: Operand | TransformArgument, registry: FieldRegistry): boolean {
  if (operand.kind === "transform") return operand.arguments.some((one) => isPath(one, registry));
  if (operand.kind !== "field") return false;
  const { field, argument } = findField(operand, registry);
  return field.path === true || field.path?.(argument) === true;
}

function all(predicates: readonly Predicate[]): Predicate {
  const [first, second, ...rest] = predicates as [Predicate, Predicate];
  if (rest.length === 0) return (scene) => first(scene) && second(scene);
  return (scene) => {
    for (const predicate of predicates) if (!predicate(scene)) return false;
    return true;
  };
}

function any(predicates: readonly Predicate[]): Predicate {
  const [first, second, ...rest] = predicates as [Predicate, Predicate];
  if (rest.length === 0) return (scene) => first(scene) || second(scene);
  return (scene) => {
    for (const predicate of predicates) if (predicate(scene)) return true;
    return false;
  };
}

function compileCheck(check: Check, context: Context): Predicate {
  const left = bindOperand(check.left, context.registry, "left");
  for (const field of left.fields) context.used.add(field);
  if (check.right === undefined) return exists(left);
  if (isOperand(check.right)) return compareOperands(check, check.right, { left, context });
  const values = check.right.kind === "list" ? check.right.values : [check.right];
  requireEventNames(check, values);
  for (const advice of adviceOn(check, values, context.registry))
    context.advice.push({ check, advice });
  const { operator, modifier, start, end } = check;
  if (EQUALITY.has(operator) && left.fields.some((field) => field.hostNames))
    for (const { text } of values) context.hostNames.add(text);
  // In the real engine such texts are no members of any set.
  if (left.isList && left.isTerminated === true) requireOperator({ ...check, ...left });
  if (left.isList && left.isTerminated === true) return transformedList(left, check);
  const tests = compileComparison({
    operator,
    modifier,
    values,
    type: left.type,
    isList: left.isList,
    start,
    end,
  });
  const predicates = tests.map((test) => testLeft(left, test, check));
  return modifier === undefined ? (predicates[0] as Predicate) : combine(modifier, predicates);
}

function transformedList({ get }: BoundOperand, check: Check): Predicate {
  if (check.operator !== "in") return () => false;
  return (scene) => {
    const value = get(scene);
    return Array.isArray(value) && value.length === 0;
  };
}

/** What asks for a value as it stands: a part of a host name has no address. */
const EQUALITY: ReadonlySet<Operator> = new Set(["=", "==", "!=", "in", "intersects"]);

/** `anyof`: at least one holds; `allof`: all, and there is one; `oneof`: exactly one. */
function combine(modifier: Modifier, predicates: readonly Predicate[]): Predicate {
  if (predicates.length === 0) return () => false;
  if (modifier === "anyof") return (scene) => predicates.some((predicate) => predicate(scene));
  if (modifier === "allof") return (scene) => predicates.every((predicate) => predicate(scene));
  return (scene) => {
    let count = 0;
    for (const predicate of predicates) if (predicate(scene)) count += 1;
    return count === 1;
  };
}

function exists(left: BoundOperand): Predicate {
  const { get, getAll } = left;
  return getAll === undefined
    ? (scene) => get(scene) !== undefined
    : (scene) => getAll(scene).length > 0;
}

/** Applies a test to the left side's value or values. */
function testLeft(left: BoundOperand, test: ValueTest, check: Check): Predicate {
  const { get, getAll } = left;
  if (getAll === undefined) {
    // Hot: most values are texts, and one call less for each is worth a second form.
    const { ofText } = test;
    if (ofText !== undefined) {
      return (scene) => {
        const value = get(scene);
        return typeof value === "string" && ofText(value);
      };
    }
    return (scene) => {
      const value = get(scene);
      return value !== undefined && test(value);
    };
  }
  // Two ends of one socket differ from a value only when neither is equal.
  if (left.several === "ends" && check.operator === "!=") {
    const { differs } = left;
    return (scene) => {
      const values = getAll(scene);
      return values.length > 0 ? values.every(test) : differs?.(scene) === true;
    };
  }
  return (scene) => getAll(scene).some(test);
}

function isOperand(right: Right): right is Operand {
  return right.kind === "field" || right.kind === "transform";
}

/** A comparison of two computed sides: their types must be the same. */
function compareOperands(
  check: Check,
  rightSide: Operand,
  { left, context }: { readonly left: BoundOperand; readonly context: Context },
): Predicate {
  const refusing = left.fields.find((field) => field.noRightSide);
  if (refusing !== undefined)
    throw new ConditionError(`field "${refusing.name}" cannot be compared with a field`, check);
  const right = bindOperand(rightSide, context.registry, "right");
  for (const field of right.fields) context.used.add(field);
  if (left.type !== right.type || left.isList !== right.isList) {
    throw new ConditionError(`${describe(left)} cannot be compared with ${describe(right)}`, check);
  }
  const compare = pairTest(check, left, right);
  const { get: getRight } = right;
  return (scene) => {
    const wanted = getRight(scene);
    if (wanted === undefined) return false;
    if (left.getAll !== undefined)
      return left.getAll(scene).some((value) => compare(value, wanted));
    const value = left.get(scene);
    return value !== undefined && compare(value, wanted);
  };
}

function describe({ type, isList }: BoundOperand): string {
  return isList ? `a list of ${type}` : type;
}

type PairTest = (value: FieldValue, wanted: FieldValue) => boolean;

/** A pattern that a field holds is compiled when it changes. */
function globPair(ignoreCase: boolean): (value: string, wanted: string) => boolean {
  let [pattern, matches] = ["", compileGlob("", { ignoreCase })];
  return (value, wanted) => {
    if (wanted !== pattern) [pattern, matches] = [wanted, compileGlob(wanted, { ignoreCase })];
    return matches(value);
  };
}

const TEXT_PAIRS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  "<": (value, wanted) => value < wanted,
  "<=": (value, wanted) => value <= wanted,
  ">": (value, wanted) => value > wanted,
  ">=": (value, wanted) => value >= wanted,
  contains: (value, wanted) => value.includes(wanted),
  icontains: (value, wanted) => lowerAscii(value).includes(lowerAscii(wanted)),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
};

function textPair(operator: Operator): ((value: string, wanted: string) => boolean) | undefined {
  if (operator === "glob" || operator === "iglob") return globPair(operator === "iglob");
  return TEXT_PAIRS[operator];
}

/** Bytes as texts of one character a byte. */
const BYTES_PAIRS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  contains: (value, wanted) => value.includes(wanted),
  bcontains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  bstartswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
};

const ORDER_PAIRS: Readonly<
  Record<string, (value: number | bigint, wanted: number | bigint) => boolean>
> = {
  "<": (value, wanted) => value < wanted,
  "<=": (value, wanted) => value <= wanted,
  ">": (value, wanted) => value > wanted,
  ">=": (value, wanted) => value >= wanted,
};

function pairTest(check: Check, left: BoundOperand, right: BoundOperand): PairTest {
  const { operator } = check;
  const { type } = left;
  const { family } = TYPE_SHAPES[type];
  if (left.isList) requireOperator({ ...check, ...left });
  if (family === "network")
    throw new ConditionError("networks cannot be compared with a field", check);
  if (operator === "=" || operator === "==") return isSame;
  if (operator === "!=") return (value, wanted) => !isSame(value, wanted);
  if (operator === "in" || operator === "intersects") {
    // A single text of the left side is compared without its NUL.
    const isTerminated = left.isList && left.isTerminated === true;
    if (isText(type) && isTerminated !== (right.isTerminated === true))
      return (value) => operator === "in" && Array.isArray(value) && value.length === 0;
  }
  if (operator === "in")
    return (value, wanted) =>
      asList(value).every((item) => asList(wanted).some((other) => isSame(item, other)));
  if (operator === "intersects")
    return (value, wanted) =>
      asList(value).some((item) => asList(wanted).some((other) => isSame(item, other)));
  const text = isText(type) ? textPair(operator) : undefined;
  if (text !== undefined) return (value, wanted) => text(String(value), String(wanted));
  const bytes = family === "bytes" ? BYTES_PAIRS[operator] : undefined;
  if (bytes !== undefined)
    return (value, wanted) =>
      bytes(latin1Text(value as Uint8Array), latin1Text(wanted as Uint8Array));
  const order = family === "number" ? ORDER_PAIRS[operator] : undefined;
  if (order !== undefined) return (value, wanted) => order(value as number, wanted as number);
  throw new ConditionError(
    `operator "${operator}" does not compare two fields of type ${type}`,
    check,
  );
}

function asList(value: FieldValue): readonly FieldValue[] {
  return Array.isArray(value) ? value : [value];
}

function isSame(value: FieldValue, wanted: FieldValue): boolean {
  if (typeof value === "bigint" || typeof wanted === "bigint")
    return normal(value as bigint) === normal(wanted as bigint);
  if (value instanceof Uint8Array && wanted instanceof Uint8Array)
    return value.length === wanted.length && value.every((byte, index) => byte === wanted[index]);
  if (Array.isArray(value) && Array.isArray(wanted))
    return value.length === wanted.length && value.every((item, index) => item === wanted[index]);
  return value === wanted;
}

/** A name of an event that does not exist never matches: most likely it is misspelt. */
function requireEventNames(check: Check, values: readonly Value[]): void {
  if (check.left.kind !== "field" || check.left.name !== "evt.type") return;
  for (const value of values) {
    if (isKnownEventName(value.text)) continue;
    throw new UnknownFieldError(`unknown event type "${value.text}"`, {
      ...value,
      hint: didYouMean(value.text, EVENT_TYPE_BY_NAME.keys()),
    });
  }
}
