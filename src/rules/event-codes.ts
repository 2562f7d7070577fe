import { EVENT_TYPE_BY_NAME, EVENT_TYPES } from "../events/schema.ts";
import { GENERIC_SYSCALLS } from "../events/syscall-names.ts";
import type { Check, Expression } from "./ast.ts";

/** The event that carries system calls without an event of their own. */
const GENERIC = 1;

const ALL_CODES: readonly number[] = EVENT_TYPES.flatMap((type) => (type === undefined ? [] : [type.code]));

/** True for names that `evt.type` may be compared with. */
export function isKnownEventName(name: string): boolean {
  return EVENT_TYPE_BY_NAME.has(name) || GENERIC_SYSCALLS.has(name);
}

/**
 * The event codes that a condition without macros can match: what stands on `evt.type` narrows, everything else leaves all;
 * `not` goes down to the comparisons (Falco, `filter_ruleset`).
 */
export function eventCodesOf(expression: Expression): ReadonlySet<number> {
  return codesOf(expression, false);
}

function codesOf(expression: Expression, negated: boolean): ReadonlySet<number> {
  switch (expression.kind) {
    case "and":
    case "or": {
      const sets = expression.operands.map((operand) => codesOf(operand, negated));
      const isUnion = (expression.kind === "or") !== negated;
      return sets.reduce((left, right) => (isUnion ? left.union(right) : left.intersection(right)));
    }
    case "not":
      return codesOf(expression.operand, !negated);
    case "check":
      return checkCodes(expression, negated);
    case "macro":
      return EVERYTHING;
  }
}

const EVERYTHING: ReadonlySet<number> = new Set(ALL_CODES);

function checkCodes(check: Check, negated: boolean): ReadonlySet<number> {
  const name = check.left.kind === "field" ? check.left.name : "";
  const values = check.right?.kind === "list" ? check.right.values : check.right?.kind === "value" ? [check.right] : [];
  // evt.num starts at 1: a comparison with 0 is how rules say "never".
  if (name === "evt.num" && (check.operator === "=" || check.operator === "==") && values[0]?.text === "0") return negated ? EVERYTHING : new Set();
  const isListed = check.operator === "=" || check.operator === "==" || check.operator === "in";
  if (!(name === "evt.type" || name === "syscall.type") || !(isListed || check.operator === "!=")) return EVERYTHING;
  const listed = new Set(values.map((value) => EVENT_TYPE_BY_NAME.get(value.text)?.code ?? GENERIC));
  return isListed !== negated ? listed : EVERYTHING.difference(listed);
}
