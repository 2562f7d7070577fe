import { EVENT_TYPES } from "../events/schema.ts";
import type { Check, Expression } from "./ast.ts";
import { printCondition, printOperand } from "./print-condition.ts";

/** What is asked of a rule: its condition has macros, lists and exceptions in place. */
export interface ShadowCandidate {
  readonly name: string;
  readonly eventCodes: ReadonlySet<number>;
  readonly expression: Expression;
}

/**
 * A rule that is never told on some events, since one before it matches whatever it matches there.
 */
export interface Shadowing<Rule> {
  readonly hidden: Rule;
  readonly by: Rule;
  /** Codes of the events on which that is so; all of the hidden rule's when `isWhole`. */
  readonly eventCodes: ReadonlySet<number>;
  readonly isWhole: boolean;
}

/** Most steps of comparing for one pair of rules: beyond it nothing is claimed. */
const MAX_STEPS = 20_000;

/**
 * Rules that another hides where the first rule that matches an event is the only one that is told:
 * for each hidden rule the one before it that hides most. `rules` come in the order in which they
 * are asked. Only what follows from the conditions' structure is reported: a part that stands in
 * both, a list that holds another one, a comparison of `evt.type` that is true of the event anyway.
 */
export function findShadowing<Rule extends ShadowCandidate>(
  rules: readonly Rule[],
): Shadowing<Rule>[] {
  const comparer = new Comparer();
  const found: Shadowing<Rule>[] = [];
  for (const [index, rule] of rules.entries()) {
    let most: Shadowing<Rule> | undefined;
    for (const before of rules.slice(0, index)) {
      const shared = before.eventCodes.intersection(rule.eventCodes);
      if (shared.size <= (most?.eventCodes.size ?? 0)) continue;
      const eventCodes = comparer.hiddenCodes(rule.expression, before.expression, shared);
      if (eventCodes.size > (most?.eventCodes.size ?? 0))
        most = {
          hidden: rule,
          by: before,
          eventCodes,
          isWhole: eventCodes.size === rule.eventCodes.size,
        };
    }
    if (most !== undefined) found.push(most);
  }
  return found;
}

/** Thrown when a pair of conditions is too large to compare. */
class OutOfSteps extends Error {}

class Comparer {
  readonly #printed = new Map<Expression, string>();
  #steps = 0;

  /** Those of the codes on which `later` cannot hold unless `earlier` does. */
  hiddenCodes(
    later: Expression,
    earlier: Expression,
    codes: ReadonlySet<number>,
  ): ReadonlySet<number> {
    this.#steps = 0;
    try {
      // What does not hang on the event is found out once for all of them.
      const open = partsOf(earlier, "and").filter((part) => !this.#isImplied(part, later));
      const hidden = [...codes].filter(
        (code) =>
          open.every((part) => this.#truth(part, code) === true) &&
          this.#truth(later, code) !== false,
      );
      return new Set(hidden);
    } catch (thrown) {
      if (thrown instanceof OutOfSteps) return new Set();
      throw thrown;
    }
  }

  /** True when `wanted` surely holds wherever `given` does. */
  #isImplied(wanted: Expression, given: Expression): boolean {
    this.#step();
    if (wanted === given) return true;
    if (wanted.kind === "and") return wanted.operands.every((part) => this.#isImplied(part, given));
    if (given.kind === "or") return given.operands.every((part) => this.#isImplied(wanted, part));
    if (wanted.kind === "or" && wanted.operands.some((part) => this.#isImplied(part, given)))
      return true;
    if (given.kind === "and") return given.operands.some((part) => this.#isImplied(wanted, part));
    if (wanted.kind === "not" && given.kind === "not")
      return this.#isImplied(given.operand, wanted.operand);
    if (this.#print(wanted) === this.#print(given)) return true;
    return wanted.kind === "check" && given.kind === "check" && isAmong(given, wanted);
  }

  /**
   * What `evt.type` alone says of the condition on events of a code; undefined when it hangs on
   * more.
   */
  #truth(expression: Expression, code: number): boolean | undefined {
    this.#step();
    switch (expression.kind) {
      case "check":
        return truthOfCheck(expression, code);
      case "macro":
        return undefined;
      case "not": {
        const truth = this.#truth(expression.operand, code);
        return truth === undefined ? undefined : !truth;
      }
      case "and":
      case "or": {
        const decisive = expression.kind === "or";
        let isOpen = false;
        for (const part of expression.operands) {
          const truth = this.#truth(part, code);
          if (truth === decisive) return decisive;
          if (truth === undefined) isOpen = true;
        }
        return isOpen ? undefined : !decisive;
      }
    }
  }

  #print(expression: Expression): string {
    const known = this.#printed.get(expression);
    if (known !== undefined) return known;
    const text = printCondition(expression);
    this.#printed.set(expression, text);
    return text;
  }

  #step(): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw new OutOfSteps();
  }
}

/** The operands of nested conjunctions in one list. */
function partsOf(expression: Expression, kind: "and"): readonly Expression[] {
  return expression.kind === kind
    ? expression.operands.flatMap((operand) => partsOf(operand, kind))
    : [expression];
}

/**
 * The event that carries system calls without an event of their own: its type is the call's name,
 * which its code does not tell.
 */
const GENERIC = 1;

function truthOfCheck(
  { left, operator, modifier, right }: Check,
  code: number,
): boolean | undefined {
  if (
    left.kind !== "field" ||
    left.name !== "evt.type" ||
    modifier !== undefined ||
    code === GENERIC
  )
    return undefined;
  const name = EVENT_TYPES[code]?.name;
  const values =
    right?.kind === "list" ? right.values : right?.kind === "value" ? [right] : undefined;
  if (name === undefined || values === undefined) return undefined;
  const isListed = values.some((value) => value.text === name);
  if (operator === "=" || operator === "==" || operator === "in") return isListed;
  return operator === "!=" ? !isListed : undefined;
}

/** `field in (a, b)` or `field = a`, and then `field in (a, b, c)`. */
function isAmong(given: Check, wanted: Check): boolean {
  const [some, all] = [listedValues(given), listedValues(wanted)];
  return (
    some !== undefined &&
    all !== undefined &&
    printOperand(given.left) === printOperand(wanted.left) &&
    some.isSubsetOf(all)
  );
}

function listedValues({ operator, modifier, right }: Check): ReadonlySet<string> | undefined {
  if (modifier !== undefined || right === undefined) return undefined;
  if (right.kind === "value" && (operator === "=" || operator === "=="))
    return new Set([right.text]);
  return right.kind === "list" && operator === "in"
    ? new Set(right.values.map((value) => value.text))
    : undefined;
}
