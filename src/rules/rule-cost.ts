import { EVENT_TYPES, type EventType } from "../events/schema.ts";
import type { Field } from "../fields/field.ts";
import type { Check, Expression, Operand } from "./ast.ts";

/**
 * What the cost of a rule is judged by: its condition has macros, lists and exceptions in place.
 */
export interface CostedRule {
  readonly name: string;
  readonly eventCodes: ReadonlySet<number>;
  readonly expression: Expression;
  readonly conditionFields: ReadonlySet<Field>;
  readonly outputNeedsMetadata: boolean;
}

/**
 * How often a host makes events of a type, roughly: each class ten times as often as the one
 * before.
 */
export const EVENT_RATES = ["rare", "some", "often", "hot"] as const;
/** One of `EVENT_RATES`. */
export type EventRate = (typeof EVENT_RATES)[number];

/** What one rule costs, estimated from its condition alone. */
export interface RuleCost<Rule> {
  readonly rule: Rule;
  /**
   * Work in the time in which a rare event comes once, in plain comparisons: fit for comparing
   * rules with each other, for nothing else.
   */
  readonly score: number;
  readonly eventCount: number;
  /** The class of its most frequent events; undefined when it matches none. */
  readonly rate: EventRate | undefined;
  /** Comparisons in the whole condition. */
  readonly comparisons: number;
  /**
   * What one event costs on average, in plain comparisons: those behind a false one are not made.
   */
  readonly perEvent: number;
  /** Most important first, at least one. */
  readonly reasons: readonly string[];
}

/**
 * What each rule costs, the dearest first. Reads nothing but the rules: what a host really does is
 * told by `saker watch --stats`.
 */
export function ruleCosts<Rule extends CostedRule>(rules: readonly Rule[]): RuleCost<Rule>[] {
  const askers = new Map<number, number>();
  for (const rule of rules)
    for (const code of rule.eventCodes) askers.set(code, (askers.get(code) ?? 0) + 1);
  return rules
    .map((rule) => costOf(rule, askers))
    .toSorted(
      (left, right) => right.score - left.score || left.rule.name.localeCompare(right.rule.name),
    );
}

/**
 * What an event costs that no other rule asks for, in comparisons: the kernel sends it and the
 * process table sees it for this rule alone.
 */
const EVENT_ITSELF = 20;

function costOf<Rule extends CostedRule>(
  rule: Rule,
  askers: ReadonlyMap<number, number>,
): RuleCost<Rule> {
  const { total, expected } = new ConditionCost().of(rule.expression);
  const types = [...rule.eventCodes]
    .map((code) => EVENT_TYPES[code])
    .filter((type) => type !== undefined);
  const alone = types.filter((type) => askers.get(type.code) === 1);
  const score = sum(
    types.map(
      (type) => 10 ** rateOf(type) * (expected + (alone.includes(type) ? EVENT_ITSELF : 0)),
    ),
  );
  const rates = types.map(rateOf);
  return {
    rule,
    score: Math.round(score),
    eventCount: types.length,
    rate: EVENT_RATES[Math.max(-1, ...rates)],
    comparisons: total,
    perEvent: Math.round(expected * 10) / 10,
    reasons: reasonsOf(rule, { types, alone, total }),
  };
}

/** From here on the number of comparisons is worth a word. */
const MANY_COMPARISONS = 50;

function reasonsOf(
  rule: CostedRule,
  {
    types,
    alone,
    total,
  }: {
    readonly types: readonly EventType[];
    readonly alone: readonly EventType[];
    readonly total: number;
  },
): string[] {
  const checks = checksOf(rule.expression);
  const hot = types.filter((type) => rateOf(type) === HOT);
  const fieldsOf = (isMeant: (check: Check) => boolean): string =>
    listed(checks.filter(isMeant).map((check) => fieldName(check.left)));
  const ancestors = listed(checks.filter(walksAncestors).map((check) => fieldName(check.left)));
  const metadata = listed(
    [...rule.conditionFields].filter((field) => field.metadata === true).map((field) => field.name),
  );
  const reasons: (string | false)[] = [
    hot.length > 0 && `asked on hot events: ${listed(hot.map((type) => type.name))}`,
    alone.some((type) => rateOf(type) >= OFTEN) &&
      `the only rule that asks for ${listed(alone.filter((type) => rateOf(type) >= OFTEN).map((type) => type.name))}`,
    ...(["regex", "glob", "iglob"] as const).map(
      (operator) =>
        checks.some((check) => check.operator === operator) &&
        `${operator} on ${fieldsOf((check) => check.operator === operator)}`,
    ),
    checks.some(searchesLongText) && `searches long texts: ${fieldsOf(searchesLongText)}`,
    ancestors !== "" && `walks ancestors: ${ancestors}`,
    metadata !== "" && `its events wait for the container's metadata: ${metadata}`,
    metadata === "" && rule.outputNeedsMetadata && "its alerts wait for the container's metadata",
    total >= MANY_COMPARISONS && `${total} comparisons`,
  ];
  const said = reasons.filter((reason) => reason !== false);
  return said.length > 0
    ? said
    : [
        types.length === 0
          ? "matches no event"
          : `cheap comparisons on ${EVENT_RATES[Math.max(...types.map(rateOf))]} events`,
      ];
}

const HOT = 3;
const OFTEN = 2;

/** By name where the category says too little. */
const RATE_BY_NAME: ReadonlyMap<string, number> = new Map([
  ...["syscall", "close", "futex", "fstat", "newfstatat", "lseek"].map(
    (name) => [name, HOT] as const,
  ),
  ...[
    "open",
    "openat",
    "openat2",
    "stat",
    "lstat",
    "access",
    "getdents64",
    "fcntl",
    "ioctl",
    "mmap",
    "munmap",
    "mprotect",
    "brk",
    "getsockopt",
    "io_uring_enter",
    "switch",
  ].map((name) => [name, OFTEN] as const),
  ...[
    "execve",
    "execveat",
    "listen",
    "bind",
    "mount",
    "umount",
    "umount2",
    "chroot",
    "open_by_handle_at",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_register",
    "socketpair",
    "ptrace",
    "setns",
    "unshare",
    "setsid",
    "capset",
    "mknod",
    "mknodat",
    "quotactl",
  ].map((name) => [name, 0] as const),
]);

const RATE_BY_CATEGORY: Readonly<Partial<Record<EventType["category"], number>>> = {
  io_read: HOT,
  io_write: HOT,
  wait: HOT,
  ipc: OFTEN,
  memory: OFTEN,
  signal: OFTEN,
  time: OFTEN,
  sleep: OFTEN,
  file: 1,
  net: 1,
  io_other: 1,
  process: 1,
  user: 1,
  scheduler: HOT,
};

function rateOf(type: EventType): number {
  return RATE_BY_NAME.get(type.name) ?? RATE_BY_CATEGORY[type.category] ?? 0;
}

/**
 * How many comparisons there are, how many are made of an event on average, and how often the whole
 * holds.
 */
interface Estimate {
  readonly total: number;
  readonly expected: number;
  readonly holds: number;
}

/** A macro's expression is one object wherever it is used: it is looked at once. */
class ConditionCost {
  readonly #known = new Map<Expression, Estimate>();

  of(expression: Expression): Estimate {
    const known = this.#known.get(expression);
    if (known !== undefined) return known;
    const estimate = this.#new(expression);
    this.#known.set(expression, estimate);
    return estimate;
  }

  #new(expression: Expression): Estimate {
    switch (expression.kind) {
      case "check":
        return { total: 1, expected: checkCost(expression), holds: likelihood(expression) };
      case "macro":
        return { total: 0, expected: 0, holds: 1 };
      case "not": {
        const operand = this.of(expression.operand);
        return { ...operand, holds: 1 - operand.holds };
      }
      case "and":
      case "or":
        return this.#several(expression.operands, expression.kind === "and");
    }
  }

  #several(operands: readonly Expression[], isAnd: boolean): Estimate {
    let [total, expected, reached] = [0, 0, 1];
    for (const operand of operands) {
      const estimate = this.of(operand);
      total += estimate.total;
      expected += reached * estimate.expected;
      reached *= isAnd ? estimate.holds : 1 - estimate.holds;
    }
    return { total, expected, holds: isAnd ? reached : 1 - reached };
  }
}

/**
 * Rules meet the events alone whose type they ask for; of the rest, a comparison is false more
 * often than true.
 */
function likelihood(check: Check): number {
  const name = fieldName(check.left);
  if (name === "evt.type" || name === "evt.num" || name === "evt.dir") return 0.9;
  return check.operator === "!=" ? 0.7 : 0.3;
}

const OPERATOR_COSTS: Readonly<Partial<Record<Check["operator"], number>>> = {
  regex: 40,
  glob: 10,
  iglob: 12,
  icontains: 6,
  contains: 3,
  bcontains: 6,
  pmatch: 4,
  intersects: 3,
};

/** In plain comparisons. */
function checkCost(check: Check): number {
  const values =
    check.modifier !== undefined && check.right?.kind === "list" ? check.right.values.length : 1;
  const base = (OPERATOR_COSTS[check.operator] ?? 1) * Math.max(1, values);
  return (
    base * (searchesLongText(check) ? 3 : 1) +
    (walksAncestors(check) ? ANCESTORS : 0) +
    (check.left.kind === "transform" ? 2 : 0)
  );
}

/** What it costs to go up the chain of processes. */
const ANCESTORS = 8;

/** Texts that are put together for the comparison and may be some kilobytes long. */
const LONG_TEXTS =
  /^(?:proc\.(?:[ap]?cmdline|exeline|args|aargs|env|aenv)|evt\.(?:args|buffer|plugininfo|arg\.data)|container\.(?:mounts|labels))$/;
const SEARCHES: ReadonlySet<string> = new Set([
  "contains",
  "icontains",
  "bcontains",
  "regex",
  "glob",
  "iglob",
]);

function searchesLongText({ operator, left }: Check): boolean {
  return SEARCHES.has(operator) && LONG_TEXTS.test(fieldName(left));
}

function walksAncestors({ left }: Check): boolean {
  const field = left.kind === "field" ? left : undefined;
  // One step up is a single look.
  return (
    /^proc\.a(?:name|exe|exepath|cmdline|pid|args|env)$/.test(fieldName(left)) &&
    field?.argument !== "0" &&
    field?.argument !== "1"
  );
}

/** The field of a comparison's left side, or the first one that a transformer is applied to. */
function fieldName(operand: Operand): string {
  if (operand.kind === "field") return operand.name;
  for (const argument of operand.arguments) {
    const items = argument.kind === "arguments" ? argument.items : [argument];
    for (const item of items)
      if (item.kind === "field" || item.kind === "transform") return fieldName(item);
  }
  return operand.name;
}

/**
 * All different comparisons: parts that stand in the condition more than once are looked at once.
 */
function checksOf(expression: Expression): Check[] {
  const seen = new Set<Expression>();
  const checks: Check[] = [];
  const visit = (part: Expression): void => {
    if (seen.has(part)) return;
    seen.add(part);
    if (part.kind === "check") checks.push(part);
    else if (part.kind === "not") visit(part.operand);
    else if (part.kind !== "macro") part.operands.forEach(visit);
  };
  visit(expression);
  return checks;
}

const MAX_LISTED = 4;

/** The first different ones, and how many more. */
function listed(names: readonly string[]): string {
  const all = [...new Set(names)];
  const shown = all.slice(0, MAX_LISTED).join(", ");
  return all.length > MAX_LISTED ? `${shown} and ${all.length - MAX_LISTED} more` : shown;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
