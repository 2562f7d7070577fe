import { EVENT_TYPE_BY_NAME, EVENT_TYPES, eventType } from "../events/schema.ts";
import { GENERIC_CALLS } from "../events/system-calls.ts";
import { ConditionError, FailedCheck } from "./condition-error.ts";
import type { Check, Expression, Operator } from "./ast.ts";

/** The event that carries system calls without an event of their own. */
const GENERIC = 1;

const ALL_CODES: readonly number[] = EVENT_TYPES.flatMap((type) =>
  type === undefined ? [] : [type.code],
);

/** True for names that `evt.type` may be compared with. */
export function isKnownEventName(name: string): boolean {
  return EVENT_TYPE_BY_NAME.has(name) || GENERIC_CALLS.has(name);
}

/**
 * The event codes that a condition without macros can match: what stands on `evt.type` narrows,
 * everything else leaves all; `not` goes down to the comparisons (Falco, `filter_ruleset`).
 */
export function eventCodesOf(expression: Expression): ReadonlySet<number> {
  return narrow(expression, EVENT_CODES);
}

/**
 * The same with the event of plugins when it may be one about a container: Falco's own plugin tells
 * of these under the name that the engine once did.
 */
export function seenCodesOf(expression: Expression): ReadonlySet<number> {
  const codes = eventCodesOf(expression);
  return codes.has(CONTAINER) ? codes.union(OF_PLUGINS) : codes;
}

const CONTAINER = eventType("container").code;
const OF_PLUGINS: ReadonlySet<number> = new Set([eventType("asyncevent").code]);

/**
 * scap's numbers of the calls without an event of their own that the condition can match. They share
 * the generic event, so its code alone does not tell them apart.
 */
export function genericCallsOf(expression: Expression): ReadonlySet<number> {
  return narrow(expression, GENERIC_CALLS_NAMED);
}

/** What is told apart by name: event codes, or numbers of calls. */
interface Named {
  readonly all: ReadonlySet<number>;
  /** Those of this name; none for a name that nothing has in that field. */
  of(name: string, field: "evt.type" | "syscall.type"): readonly number[];
  /** Those that are without doubt something else when the name is not this one. */
  only(name: string, field: "evt.type" | "syscall.type"): readonly number[];
  /** Those that have no name in that field. */
  nameless(field: "evt.type" | "syscall.type"): ReadonlySet<number>;
}

/**
 * What is known of expressions, as they stand and negated: a macro's is one object wherever it is
 * used.
 */
type Known = readonly [Map<Expression, ReadonlySet<number>>, Map<Expression, ReadonlySet<number>>];

function narrow(expression: Expression, named: Named): ReadonlySet<number> {
  return narrowed(expression, false, { named, known: [new Map(), new Map()] });
}

interface Narrowing {
  readonly named: Named;
  readonly known: Known;
}

function narrowed(
  expression: Expression,
  negated: boolean,
  narrowing: Narrowing,
): ReadonlySet<number> {
  const memory = narrowing.known[negated ? 1 : 0];
  const codes = memory.get(expression) ?? newlyNarrowed(expression, negated, narrowing);
  memory.set(expression, codes);
  return codes;
}

function newlyNarrowed(
  expression: Expression,
  negated: boolean,
  narrowing: Narrowing,
): ReadonlySet<number> {
  switch (expression.kind) {
    case "and":
    case "or": {
      const sets = expression.operands.map((operand) => narrowed(operand, negated, narrowing));
      const isUnion = (expression.kind === "or") !== negated;
      return sets.reduce((left, right) => (isUnion ? left.union(right) : left.intersection(right)));
    }
    case "not":
      return narrowed(expression.operand, !negated, narrowing);
    case "check":
      return ofCheck(expression, negated, narrowing.named);
    case "macro":
      return narrowing.named.all;
  }
}

/** Events that are no system calls: the even ones. */
const NO_SYSCALLS: ReadonlySet<number> = new Set(ALL_CODES.filter((code) => code % 2 === 0));

const EVENT_CODES: Named = {
  all: new Set(ALL_CODES),
  of: codeOf,
  // The generic event carries many system calls: that it is not one of them says nothing of the
  // others.
  only: (name, field) => codeOf(name, field).filter((code) => code !== GENERIC),
  nameless: (field) => (field === "evt.type" ? NOTHING : NO_SYSCALLS),
};

const callOf = (name: string): readonly number[] => {
  const call = GENERIC_CALLS.get(name);
  return call === undefined ? [] : [call];
};

const GENERIC_CALLS_NAMED: Named = {
  all: new Set(GENERIC_CALLS.values()),
  of: callOf,
  only: callOf,
  nameless: () => NOTHING,
};

function ofCheck(check: Check, negated: boolean, named: Named): ReadonlySet<number> {
  const name = check.left.kind === "field" ? check.left.name : "";
  requirePlainEventType(check);
  const values =
    check.right?.kind === "list"
      ? check.right.values
      : check.right?.kind === "value"
        ? [check.right]
        : undefined;
  // What another field holds is known at the event only.
  if (values === undefined) return named.all;
  // With a modifier, an event that equals some of the names is no event that equals none, and the
  // other way round.
  const isListed = check.operator === "=" || check.operator === "==" || check.operator === "in";
  if (check.modifier !== undefined && (negated || !isListed || name === "evt.num"))
    return named.all;
  const texts = values.map((value) => value.text);
  if (name === "evt.num") return isNever(check.operator, texts, negated) ? NOTHING : named.all;
  if (!(name === "evt.type" || name === "syscall.type") || !(isListed || check.operator === "!="))
    return named.all;
  const listed = new Set(texts.flatMap((text) => named.of(text, name)));
  if (isListed && !negated) return listed;
  // A name that is missing differs from none, so "not !=" takes it in.
  if (!isListed && negated) return listed.union(named.nameless(name));
  return named.all.difference(new Set(texts.flatMap((text) => named.only(text, name))));
}

/** The code of the events that have a name; none for names that no event has there. */
function codeOf(event: string, field: "evt.type" | "syscall.type"): readonly number[] {
  // The generic event prints the name of its system call: none is called "syscall".
  if (event === "syscall") return [];
  const code = EVENT_TYPE_BY_NAME.get(event)?.code ?? GENERIC;
  return field === "syscall.type" && NO_SYSCALLS.has(code) ? [] : [code];
}

/** Which events a rule is for must be known when it loads. */
function requirePlainEventType(check: Check): void {
  const isTransformed =
    check.left.kind === "transform" &&
    check.left.arguments.some(
      (argument) => argument.kind === "field" && argument.name === "evt.type",
    );
  const isCompared =
    check.left.kind === "field" &&
    check.left.name === "evt.type" &&
    (check.right?.kind === "transform" || check.right?.kind === "field");
  if (!isTransformed && !isCompared) return;
  const error = new ConditionError(
    "evt.type takes no transformer and is compared with names only",
    { ...check, hint: "syscall.type may be transformed" },
  );
  throw new FailedCheck(error, check);
}

/** Events are numbered from 1, and comparing with that is how rules say "never" and "always". */
function isNever(operator: Operator, values: readonly string[], negated: boolean): boolean {
  const value = values[0] ?? "";
  const never =
    ((operator === "=" || operator === "==") && value === "0") ||
    (operator === "in" && values.every((one) => one === "0")) ||
    NEVER.has(`${operator} ${value}`);
  const always = (operator === "!=" && value === "0") || ALWAYS.has(`${operator} ${value}`);
  return negated ? always : never;
}

const NEVER: ReadonlySet<string> = new Set(["< 0", "< 1", "<= 0"]);
const ALWAYS: ReadonlySet<string> = new Set(["> 0", ">= 0", ">= 1"]);
const NOTHING: ReadonlySet<number> = new Set();
