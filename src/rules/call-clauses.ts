import {
  ALL_ROWS,
  ANY_CALL,
  CALL_KIND,
  type CallClause,
  CALLER,
  DUP_CODES,
  mergeClauses,
  OPEN_CODES,
  rowsOf,
  SOCKET_CODES,
} from "../events/call-filter.ts";
import { SOCKET_DOMAIN } from "../events/flag-names.ts";
import { EVENT_TYPES, eventType } from "../events/schema.ts";
import type { Check, Expression, Operator } from "./ast.ts";

type Clauses = readonly CallClause[];

const NONE: Clauses = [];
const ANY: Clauses = [ANY_CALL];

/** Clauses that are kept for one expression; what would be more is taken as wider than it is. */
const MAX_CLAUSES = 64;

/**
 * The calls that a condition without macros can match, and perhaps more: every call that matches
 * fulfils one of these clauses. Only comparisons that the kernel
 * can make narrow them, everything else leaves all calls; so does nearly all that stands behind
 * `not`.
 */
export function callClausesOf(expression: Expression): Clauses {
  return clausesOf(expression, false, [new Map(), new Map()]);
}

/** Of expressions as they stand, and negated: a macro's is one object wherever it is used. */
type Known = readonly [Map<Expression, Clauses>, Map<Expression, Clauses>];

function clausesOf(expression: Expression, negated: boolean, known: Known): Clauses {
  const memory = known[negated ? 1 : 0];
  const clauses = memory.get(expression) ?? newClausesOf(expression, negated, known);
  memory.set(expression, clauses);
  return clauses;
}

function newClausesOf(expression: Expression, negated: boolean, known: Known): Clauses {
  switch (expression.kind) {
    case "and":
    case "or": {
      const parts = expression.operands.map((operand) => clausesOf(operand, negated, known));
      const clauses =
        (expression.kind === "or") === negated ? parts.reduce(both) : mergeClauses(parts.flat());
      return clauses.length > MAX_CLAUSES ? ANY : clauses;
    }
    case "not":
      return clausesOf(expression.operand, !negated, known);
    case "check":
      return checkClauses(expression, negated);
    case "macro":
      return ANY;
  }
}

/** What fulfils a clause of each; one side alone where the pairs would be too many. */
function both(left: Clauses, right: Clauses): Clauses {
  if (left.length * right.length > MAX_CLAUSES) return left.length <= right.length ? left : right;
  return mergeClauses(left.flatMap((one) => right.map((other) => join(one, other))));
}

function join(one: CallClause, other: CallClause): CallClause {
  return {
    rows: one.rows & other.rows,
    kinds: one.kinds | other.kinds,
    callers: one.callers | other.callers,
    prefixes:
      one.prefixes === undefined || other.prefixes === undefined
        ? (one.prefixes ?? other.prefixes)
        : common(one.prefixes, other.prefixes),
    names:
      one.names === undefined || other.names === undefined
        ? (one.names ?? other.names)
        : one.names.filter((name) => other.names?.includes(name)),
  };
}

/** Pairs of beginnings that are compared; of longer lists one is taken alone. */
const MAX_PAIRS = 100_000;

/** The beginnings of the paths that begin with one of each. */
function common(left: readonly string[], right: readonly string[]): readonly string[] {
  if (left.length * right.length > MAX_PAIRS) return left.length <= right.length ? left : right;
  const narrower = (these: readonly string[], those: readonly string[]): string[] =>
    these.filter((one) => those.some((other) => one.startsWith(other)));
  return [...new Set([...narrower(left, right), ...narrower(right, left)])];
}

/** A comparison with plain values, as far as the clauses of a field go. */
interface Comparison {
  readonly operator: Operator;
  /** True for `=` and `in`. */
  readonly isEqual: boolean;
  readonly values: readonly string[];
  /** The only value. */
  readonly value: string | undefined;
}

function checkClauses({ left, operator, modifier, right }: Check, negated: boolean): Clauses {
  if (
    left.kind !== "field" ||
    left.argument !== undefined ||
    modifier !== undefined ||
    (right?.kind !== "value" && right?.kind !== "list")
  )
    return ANY;
  const values = (right.kind === "list" ? right.values : [right]).map(({ text }) => text);
  const value = values.length === 1 ? values[0] : undefined;
  const isEqual = operator === "=" || operator === "==" || operator === "in";
  if (EXACT[left.name] !== undefined) {
    // These always have a value, so that `not` is the other comparison.
    const is = isEqual ? !negated : operator === "!=" ? negated : undefined;
    return is === undefined || value === undefined ? ANY : (EXACT[left.name]?.(value, is) ?? ANY);
  }
  return negated ? ANY : (FIELD_CLAUSES[left.name]?.({ operator, isEqual, values, value }) ?? ANY);
}

const OPENS = rowsOf(OPEN_CODES);
const SOCKETS = rowsOf(SOCKET_CODES);
const DUPS = rowsOf(DUP_CODES);
const NEW_SOCKETS = rowsOf([eventType("socket").code]);
const OTHERS = ALL_ROWS & ~OPENS & ~SOCKETS & ~DUPS;

const of = (part: Partial<CallClause>): CallClause => ({ ...ANY_CALL, ...part });

/**
 * Fields that say who calls: whether a value is the one (`is`) or not. Undefined where the kernel
 * cannot tell.
 */
const EXACT: Readonly<
  Record<string, ((value: string, is: boolean) => Clauses | undefined) | undefined>
> = {
  "container.id": (value, is) =>
    value === "host"
      ? [of({ callers: is ? CALLER.host : CALLER.contained })]
      : is
        ? [of({ callers: CALLER.contained })]
        : undefined,
  "user.uid": (value, is) =>
    value === "0"
      ? [of({ callers: is ? CALLER.root : CALLER.other })]
      : is && /^[1-9]\d*$/.test(value)
        ? [of({ callers: CALLER.other })]
        : undefined,
};

/** What a comparison of a field that the kernel knows leaves; undefined: all. */
const FIELD_CLAUSES: Readonly<
  Record<string, ((comparison: Comparison) => Clauses | undefined) | undefined>
> = {
  "evt.type": ({ isEqual, values }) => (isEqual ? ofTypes(values) : undefined),
  "evt.is_open_read": ({ isEqual, value }) =>
    isEqual && value === "true" ? [of({ rows: OPENS, kinds: CALL_KIND.read })] : undefined,
  "evt.is_open_write": ({ isEqual, value }) =>
    isEqual && value === "true" ? [of({ rows: OPENS, kinds: CALL_KIND.write })] : undefined,
  "evt.failed": ({ isEqual, value }) =>
    isEqual && value === "true"
      ? ofResult(ALL_ROWS, "failed")
      : isEqual && value === "false"
        ? ofResult(ALL_ROWS, "done")
        : undefined,
  "evt.res": ({ isEqual, values }) => (isEqual ? ofResults(values) : undefined),
  "evt.rawres": (comparison) =>
    comparison.isEqual && areAll(comparison.values, DENIED_NUMBERS)
      ? ofResult(ALL_ROWS, "denied")
      : ofNumber(ALL_ROWS, comparison),
  // Of an open it is the result, of most others the argument.
  "fd.num": (comparison) => {
    const opens = ofNumber(OPENS, comparison);
    return opens === undefined ? undefined : [...opens, of({ rows: ALL_ROWS & ~OPENS })];
  },
  "fd.typechar": ({ isEqual, values }) => (isEqual ? ofLetters(values) : undefined),
  "fd.type": ({ isEqual, values }) =>
    isEqual ? ofLetters(values.map((word) => LETTER_OF[word] ?? "?")) : undefined,
  // A socket that is new has no protocol yet.
  "fd.l4proto": ({ isEqual, value }) =>
    isEqual && value === "tcp"
      ? [
          of({ rows: SOCKETS & ~NEW_SOCKETS, kinds: CALL_KIND.tcp }),
          of({ rows: (ALL_ROWS & ~SOCKETS) | NEW_SOCKETS }),
        ]
      : undefined,
  "evt.arg.domain": ({ operator, values }) => ofDomains(operator, values),
  "fd.name": ({ operator, values }) => ofPaths({ prefixes: beginnings(operator, values) }),
  "fd.directory": ({ operator, isEqual, values }) =>
    ofPaths({
      prefixes: isEqual || operator === "startswith" ? beginnings("startswith", values) : undefined,
    }),
  "fd.filename": ({ isEqual, values }) =>
    ofPaths({
      names: isEqual && values.every((name) => PLAIN_NAME.test(name)) ? values : undefined,
    }),
  "fd.nameraw": ({ operator, value }) =>
    ofPaths({
      prefixes: operator === "contains" && value?.includes("..") === true ? [] : undefined,
    }),
};

function ofTypes(names: readonly string[]): Clauses {
  const rows = rowsOf(names.flatMap((name) => CODES_BY_NAME.get(name) ?? GENERIC));
  return rows === 0n ? NONE : [of({ rows })];
}

/** Events that do not tell what their call gave are neither. */
function ofResult(rows: bigint, result: "done" | "failed" | "denied"): Clauses {
  const silent = of({ rows: rows & ~TELLING });
  const telling = of({ rows: rows & TELLING, kinds: CALL_KIND[result] });
  return silent.rows === 0n ? [telling] : [telling, silent];
}

const TELLING = rowsOf(
  EVENT_TYPES.flatMap((type) =>
    type !== undefined && ["res", "fd"].includes(type.params[0]?.name ?? "") ? [type.code] : [],
  ),
);

const DENIED_WORDS: ReadonlySet<string> = new Set(["EPERM", "EACCES"]);
const DENIED_NUMBERS: ReadonlySet<string> = new Set(["-1", "-13"]);

function areAll(values: readonly string[], known: ReadonlySet<string>): boolean {
  return values.length > 0 && values.every((value) => known.has(value));
}

function ofResults(words: readonly string[]): Clauses {
  if (areAll(words, DENIED_WORDS)) return ofResult(ALL_ROWS, "denied");
  const successes = words.filter((word) => word === "SUCCESS").length;
  return [
    ...(successes > 0 ? ofResult(ALL_ROWS, "done") : []),
    ...(successes < words.length ? ofResult(ALL_ROWS, "failed") : []),
  ];
}

function ofNumber(rows: bigint, { operator, isEqual, value }: Comparison): Clauses | undefined {
  if ((operator === ">=" && value === "0") || (operator === ">" && value === "-1"))
    return ofResult(rows, "done");
  return (operator === "<" && value === "0") || (isEqual && value === "-1")
    ? ofResult(rows, "failed")
    : undefined;
}

/** Falco's letters of descriptors; on a socket call that names no socket, any may stand. */
function ofLetters(letters: readonly string[]): Clauses {
  const opens = letters.flatMap((letter) =>
    letter === "f" ? [of({ rows: OPENS, kinds: CALL_KIND.file })] : [],
  );
  const directories = letters.flatMap((letter) =>
    letter === "d" ? [of({ rows: OPENS, kinds: CALL_KIND.directory })] : [],
  );
  const isIp = letters.every((letter) => letter === "4" || letter === "6");
  const isUnix = letters.every((letter) => letter === "u");
  // Devices, pipes and the like are opened, too.
  const rest = letters.some((letter) => !"fd46u".includes(letter)) ? [of({ rows: OPENS })] : [];
  const sockets = of({ rows: SOCKETS, kinds: isIp ? CALL_KIND.ip : isUnix ? CALL_KIND.unix : 0 });
  // "u" may be a userfaultfd, which is no socket.
  const dups = of({ rows: DUPS, kinds: isIp ? CALL_KIND.ip : 0 });
  return [...opens, ...directories, ...rest, sockets, dups, of({ rows: OTHERS })];
}

/** Of socket(2): the families whose names are asked for. */
function ofDomains(operator: Operator, values: readonly string[]): Clauses | undefined {
  const holds = DOMAIN_OPERATORS[operator];
  // A family without a name is none that is asked for by one.
  if (holds === undefined || !values.every((value) => value.startsWith("AF_"))) return undefined;
  const kinds = Object.entries(SOCKET_DOMAIN).flatMap(([name, family]) =>
    values.some((value) => holds(name, value)) ? [FAMILY_KIND.get(family) ?? CALL_KIND.other] : [],
  );
  return [
    ...[...new Set(kinds)].map((kind) => of({ rows: NEW_SOCKETS, kinds: kind })),
    of({ rows: ALL_ROWS & ~NEW_SOCKETS }),
  ];
}

const FAMILY_KIND: ReadonlyMap<number, number> = new Map([
  [SOCKET_DOMAIN.AF_INET, CALL_KIND.ip],
  [SOCKET_DOMAIN.AF_INET6, CALL_KIND.ip],
  [SOCKET_DOMAIN.AF_UNIX, CALL_KIND.unix],
]);

const isSame = (name: string, value: string): boolean => name === value;

const DOMAIN_OPERATORS: Readonly<
  Partial<Record<Operator, (name: string, value: string) => boolean>>
> = {
  "=": isSame,
  "==": isSame,
  in: isSame,
  contains: (name, value) => name.includes(value),
  startswith: (name, value) => name.startsWith(value),
};

/** Words of fd.type whose letters the clauses know. */
const LETTER_OF: Readonly<Record<string, string>> = {
  file: "f",
  directory: "d",
  ipv4: "4",
  ipv6: "6",
  unix: "u",
};

/** Of opens; undefined when nothing is known of their paths. */
function ofPaths({
  prefixes,
  names,
}: Partial<Pick<CallClause, "prefixes" | "names">>): Clauses | undefined {
  return prefixes === undefined && names === undefined
    ? undefined
    : [of({ rows: OPENS, prefixes, names }), of({ rows: ALL_ROWS & ~OPENS })];
}

/**
 * Only what is plain ASCII is sure to be the same bytes in the kernel; a file's last part has no
 * slash, and is not empty.
 */
const PLAIN_NAME = /^[\x20-\x2e\x30-\x7e]+$/;

/** Each operator's values as beginnings of the paths that it takes. */
function beginnings(operator: Operator, values: readonly string[]): readonly string[] | undefined {
  if (!["=", "==", "in", "startswith", "pmatch", "glob"].includes(operator)) return undefined;
  const isPattern = operator === "pmatch" || operator === "glob";
  // pmatch compares folder by folder, and knows no empty ones.
  const texts =
    operator === "pmatch" ? values.map((value) => value.replaceAll(/\/{2,}/g, "/")) : values;
  const prefixes = texts.map(
    (value) =>
      /^[\x20-\x7e]*/.exec(isPattern ? value.replace(/[*?[\\].*$/s, "") : value)?.[0] ?? "",
  );
  if (!prefixes.every((prefix) => prefix.startsWith("/"))) return undefined;
  // No path that was normalised has these.
  const plain = prefixes.filter((prefix) => !/\/\/|\/\.\.?\//.test(prefix));
  return plain.map((prefix) => (prefix === "/" ? prefix : prefix.replace(/\/$/, "")));
}

/** What carries calls without an event of their own. */
const GENERIC = [eventType("syscall").code];

const CODES_BY_NAME: ReadonlyMap<string, readonly number[]> = (() => {
  const codes = new Map<string, number[]>();
  for (const type of EVENT_TYPES)
    if (type !== undefined) codes.set(type.name, [...(codes.get(type.name) ?? []), type.code]);
  return codes;
})();
