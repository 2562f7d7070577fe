import { ANY_TERM, factTerm, type FactKind, wordsOf } from "./terms.ts";

/** Which alerts: each group has a term of theirs, and `none` has none. */
export interface TermQuery {
  /** Of each group any term; facts and whole words. */
  readonly all: readonly (readonly string[])[];
  /** The beginning of a word; undefined for none. */
  readonly prefix: string | undefined;
  readonly none: readonly string[];
}

/** Values by the kind of fact: of each kind any, but of `field` every one. */
export interface AlertFacts {
  readonly is: Readonly<Partial<Record<FactKind, readonly string[]>>>;
  readonly isNot: Readonly<Partial<Record<FactKind, readonly string[]>>>;
  /** Words that the message has; the last may be unfinished. */
  readonly text?: string | undefined;
}

/** Undefined when every alert is meant. */
export function termQuery({ is, isNot, text = "" }: AlertFacts): TermQuery | undefined {
  const kinds = Object.keys(is) as FactKind[];
  const groups = kinds
    .filter((kind) => kind !== "field")
    .map((kind) => (is[kind] ?? []).map((value) => factTerm(kind, value)));
  const fields = (is.field ?? []).map((value) => [factTerm("field", value)]);
  const words = [...new Set(wordsOf(text))].slice(0, WORDS_MAX);
  const prefix = /[\p{L}\p{N}]$/u.test(text) ? words.pop() : undefined;
  const none = (Object.keys(isNot) as FactKind[]).flatMap((kind) =>
    (isNot[kind] ?? []).map((value) => factTerm(kind, value)),
  );
  const all = [...groups.filter((group) => group.length > 0), ...fields, ...words.map(alone)];
  if (all.length === 0 && prefix === undefined && none.length === 0) return undefined;
  return { all, prefix, none };
}

/** For FTS5's MATCH. Terms are letters and digits, and quoted all the same. */
export function ftsMatch({ all, prefix, none }: TermQuery): string {
  const parts = all.map((group) => `(${group.map(quoted).join(" OR ")})`);
  if (prefix !== undefined) parts.push(`(${quoted(prefix)} *)`);
  const positive = parts.length === 0 ? quoted(ANY_TERM) : parts.join(" AND ");
  return none.length === 0 ? positive : `(${positive}) NOT (${none.map(quoted).join(" OR ")})`;
}

/** For PostgreSQL's `@@ ?::tsquery`. */
export function tsQuery({ all, prefix, none }: TermQuery): string {
  const parts = all.map((group) => `(${group.map(apostrophed).join(" | ")})`);
  if (prefix !== undefined) parts.push(`${apostrophed(prefix)}:*`);
  parts.push(...none.map((term) => `!${apostrophed(term)}`));
  return parts.join(" & ");
}

/** Whether an alert of these terms and words is meant. */
export function matchesTerms(
  { all, prefix, none }: TermQuery,
  terms: ReadonlySet<string>,
): boolean {
  return (
    all.every((group) => group.some((term) => terms.has(term))) &&
    !none.some((term) => terms.has(term)) &&
    (prefix === undefined || [...terms].some((term) => term.startsWith(prefix)))
  );
}

function alone(term: string): readonly string[] {
  return [term];
}

function quoted(term: string): string {
  return `"${term.replaceAll('"', '""')}"`;
}

function apostrophed(term: string): string {
  return `'${term.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Words of one text that are asked for. */
const WORDS_MAX = 16;
