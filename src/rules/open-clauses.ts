import { ANY_OPEN, mergeClauses, ODD_PATH, OPEN_CODES, OPEN_KIND, type OpenClause } from "../events/open-filter.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import type { Check, Expression } from "./ast.ts";

const NONE: readonly OpenClause[] = [];

/** Clauses that are kept for one expression; what would be more is taken as wider than it is. */
const MAX_CLAUSES = 64;

/**
 * The opens that a condition without macros can match, and perhaps more: every open that matches fulfils one of these clauses. Only comparisons that the kernel
 * can make narrow them, everything else leaves all opens; so does what stands behind `not`.
 */
export function openClausesOf(expression: Expression): readonly OpenClause[] {
  return clausesOf(expression, false, [new Map(), new Map()]);
}

/** Of expressions as they stand, and negated: a macro's is one object wherever it is used. */
type Known = readonly [Map<Expression, readonly OpenClause[]>, Map<Expression, readonly OpenClause[]>];

function clausesOf(expression: Expression, negated: boolean, known: Known): readonly OpenClause[] {
  const memory = known[negated ? 1 : 0];
  const clauses = memory.get(expression) ?? newClausesOf(expression, negated, known);
  memory.set(expression, clauses);
  return clauses;
}

function newClausesOf(expression: Expression, negated: boolean, known: Known): readonly OpenClause[] {
  switch (expression.kind) {
    case "and":
    case "or": {
      const parts = expression.operands.map((operand) => clausesOf(operand, negated, known));
      const clauses = (expression.kind === "or") === negated ? parts.reduce(both) : mergeClauses(parts.flat());
      return clauses.length > MAX_CLAUSES ? [ANY_OPEN] : clauses;
    }
    case "not":
      return clausesOf(expression.operand, !negated, known);
    case "check":
      return negated ? [ANY_OPEN] : checkClauses(expression);
    case "macro":
      return [ANY_OPEN];
  }
}

/** What fulfils a clause of each; one side alone where the pairs would be too many. */
function both(left: readonly OpenClause[], right: readonly OpenClause[]): readonly OpenClause[] {
  if (left.length * right.length > MAX_CLAUSES) return left.length <= right.length ? left : right;
  return mergeClauses(left.flatMap((one) => right.map((other) => join(one, other))));
}

function join(one: OpenClause, other: OpenClause): OpenClause {
  return {
    rows: one.rows & other.rows,
    kinds: one.kinds | other.kinds,
    prefixes: one.prefixes === undefined || other.prefixes === undefined ? (one.prefixes ?? other.prefixes) : common(one.prefixes, other.prefixes),
  };
}

/** Pairs of beginnings that are compared; of longer lists one is taken alone. */
const MAX_PAIRS = 100_000;

/** The beginnings of the paths that begin with one of each. */
function common(left: readonly string[], right: readonly string[]): readonly string[] {
  if (left.length * right.length > MAX_PAIRS) return left.length <= right.length ? left : right;
  const narrower = (these: readonly string[], those: readonly string[]): string[] => these.filter((one) => those.some((other) => one.startsWith(other)));
  return [...new Set([...narrower(left, right), ...narrower(right, left)])];
}

function checkClauses({ left, operator, modifier, right }: Check): readonly OpenClause[] {
  if (left.kind !== "field" || modifier !== undefined || (right?.kind !== "value" && right?.kind !== "list")) return [ANY_OPEN];
  const values = (right.kind === "list" ? right.values : [right]).map(({ text }) => text);
  const isEqual = operator === "=" || operator === "==" || operator === "in";
  const [value = ""] = values;
  const only = values.length === 1;
  const kind = (bit: number): readonly OpenClause[] => [{ ...ANY_OPEN, kinds: bit }];
  switch (left.name) {
    case "evt.type":
      return isEqual ? ofTypes(values) : [ANY_OPEN];
    case "evt.is_open_read":
      return isEqual && only && value === "true" ? kind(OPEN_KIND.read) : [ANY_OPEN];
    case "evt.is_open_write":
      return isEqual && only && value === "true" ? kind(OPEN_KIND.write) : [ANY_OPEN];
    case "fd.typechar":
      return isEqual && only && value === "f" ? kind(OPEN_KIND.file) : isEqual && only && value === "d" ? kind(OPEN_KIND.directory) : [ANY_OPEN];
    case "fd.num":
    case "evt.rawres":
      if (only && ((operator === ">=" && value === "0") || (operator === ">" && value === "-1"))) return kind(OPEN_KIND.done);
      return only && ((operator === "<" && value === "0") || (isEqual && value === "-1")) ? kind(OPEN_KIND.failed) : [ANY_OPEN];
    case "fd.name":
      return begins(operator, values);
    case "fd.directory":
      return isEqual || operator === "startswith" ? begins("startswith", values) : [ANY_OPEN];
    case "fd.nameraw":
      return operator === "contains" && only && value.includes("..") ? [{ ...ANY_OPEN, prefixes: [] }] : [ANY_OPEN];
    default:
      return [ANY_OPEN];
  }
}

function ofTypes(names: readonly string[]): readonly OpenClause[] {
  const rows = OPEN_CODES.reduce((sum, code, row) => (names.includes(EVENT_TYPES[code]?.name ?? "") ? sum | (1 << row) : sum), 0);
  return rows === 0 ? NONE : [{ ...ANY_OPEN, rows }];
}

/** Each operator's values as beginnings of the paths that it takes. */
function begins(operator: Check["operator"], values: readonly string[]): readonly OpenClause[] {
  if (!["=", "==", "in", "startswith", "pmatch", "glob"].includes(operator)) return [ANY_OPEN];
  const isPattern = operator === "pmatch" || operator === "glob";
  // Only what is plain ASCII is sure to be the same bytes in the kernel.
  const prefixes = values.map((value) => /^[\x20-\x7e]*/.exec(isPattern ? value.replace(/[*?[\\].*$/s, "") : value)?.[0] ?? "");
  if (!prefixes.every((prefix) => prefix.startsWith("/"))) return [ANY_OPEN];
  // Odd paths pass the kernel anyway.
  const plain = prefixes.filter((prefix) => !ODD_PATH.test(prefix));
  return [{ ...ANY_OPEN, prefixes: plain.map((prefix) => (prefix === "/" ? prefix : prefix.replace(/\/$/, ""))) }];
}
