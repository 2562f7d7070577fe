import type { FieldValue } from "../fields/field.ts";
import { isActor, TUNING_FIELDS, worthOf } from "./tuning-fields.ts";

/** Values of one alert, by field; null where one was missing. */
export type AlertValues = ReadonlyMap<string, FieldValue | null>;

/** Alerts of one rule that have the same values in all fields that exceptions are made of. */
export interface AlertGroup {
  readonly values: ReadonlyMap<string, string>;
  readonly count: number;
  /** One of them, whole. */
  readonly sample: AlertValues;
}

/** Values that silence together, and how many alerts have them. */
export interface ExceptionRow {
  readonly values: readonly string[];
  readonly count: number;
}

/** An exception for a rule: the fewest values that silence most of its alerts. */
export interface SuggestedException {
  readonly fields: readonly string[];
  /** The one that silences most first. */
  readonly rows: readonly ExceptionRow[];
  readonly silenced: number;
}

/** Most fields of an exception, and most rows. */
const MAX_FIELDS = 3;
const MAX_ROWS = 5;

/** A row that silences less than this part of the alerts, or a single one, is not worth its line. */
const MIN_SHARE = 0.05;
const MIN_COUNT = 2;

/** What a further row must add. */
const ROW_COST = 0.02;

/** What an exception must silence to be worth it. */
const MIN_SILENCED = 0.2;

/** Groups of one rule's alerts; those beyond are counted alone. */
const MAX_GROUPS = 20_000;

/** Alerts of one rule, gathered one by one in bounded memory. */
export class RuleAlerts {
  readonly groups = new Map<
    string,
    { values: ReadonlyMap<string, string>; count: number; sample: AlertValues }
  >();
  count = 0;

  /** `fields`: those that an exception may be made of. */
  add(sample: AlertValues, fields: readonly string[]): void {
    this.count += 1;
    const values = new Map<string, string>();
    for (const field of fields) {
      const text = exceptableText(sample.get(field));
      if (text !== undefined) values.set(field, text);
    }
    const key = JSON.stringify([...values]);
    const known = this.groups.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.groups.size < MAX_GROUPS) this.groups.set(key, { values, count: 1, sample });
  }
}

/** Longest text that an exception names. */
const MAX_TEXT = 256;
const UNFIT = /[\p{C}\u2028\u2029\\]/u;

/** A value as text, where an exception can name it. */
function exceptableText(value: FieldValue | null | undefined): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
    return undefined;
  const text = String(value);
  // Nothing that has no sign of its own, and no half of one: both would stand for something else.
  // A backslash before a quote ends no text (libs, lexer).
  const isFit = text !== "" && text !== "<NA>" && text.length <= MAX_TEXT && !UNFIT.test(text);
  return isFit ? text : undefined;
}

/**
 * The exception that silences most of these alerts with the fewest values; of those that do, the
 * narrowest. Undefined where none silences a fifth of them.
 */
export function suggestException({ groups, count }: RuleAlerts): SuggestedException | undefined {
  const merged = mergedByFrequent([...groups.values()], leastOf(count));
  const known = new Set(merged.flatMap(({ values }) => [...values.keys()]));
  const fields = TUNING_FIELDS.filter((field) => known.has(field));
  let [best, bestScore]: [SuggestedException | undefined, number] = [undefined, 0];
  for (const combination of combinations(fields)) {
    if (!combination.some((field) => isActor(field))) continue;
    const found = exceptionOf(combination, merged, count);
    const share = found.silenced / Math.max(1, count);
    if (share < MIN_SILENCED) continue;
    const score = share - ROW_COST * found.rows.length + worthOf(combination);
    if (score > bestScore + 1e-9) [best, bestScore] = [found, score];
  }
  return best;
}

function leastOf(total: number): number {
  return Math.max(MIN_COUNT, total * MIN_SHARE);
}

type Group = Pick<AlertGroup, "values" | "count">;

/**
 * The same with values alone that are frequent by themselves: no row can be more frequent than one
 * of its values. What is left falls into few groups, however many there were.
 */
function mergedByFrequent(groups: readonly Group[], least: number): readonly Group[] {
  const counts = new Map<string, Map<string, number>>();
  for (const { values, count } of groups)
    for (const [field, value] of values) {
      const ofField = counts.get(field) ?? new Map<string, number>();
      counts.set(field, ofField.set(value, (ofField.get(value) ?? 0) + count));
    }
  const merged = new Map<string, { readonly values: Map<string, string>; count: number }>();
  for (const { values, count } of groups) {
    const frequent = new Map(
      [...values].filter(([field, value]) => (counts.get(field)?.get(value) ?? 0) >= least),
    );
    const key = JSON.stringify([...frequent]);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { values: frequent, count });
    else known.count += count;
  }
  return [...merged.values()];
}

function exceptionOf(
  fields: readonly string[],
  groups: readonly Group[],
  total: number,
): SuggestedException {
  const counts = new Map<string, { values: readonly string[]; count: number }>();
  for (const { values: known, count } of groups) {
    const values = fields.flatMap((field) => known.get(field) ?? []);
    if (values.length < fields.length) continue;
    const key = values.length === 1 ? (values[0] ?? "") : JSON.stringify(values);
    const row = counts.get(key);
    if (row === undefined) counts.set(key, { values, count });
    else row.count += count;
  }
  const rows = [...counts.values()]
    .toSorted((left, right) => right.count - left.count)
    .slice(0, MAX_ROWS)
    .filter(({ count }) => count >= leastOf(total));
  return { fields, rows, silenced: rows.reduce((sum, { count }) => sum + count, 0) };
}

/** Of one field up to three, in the order of the fields. */
function* combinations(
  fields: readonly string[],
  from = 0,
  before: readonly string[] = [],
): Generator<readonly string[]> {
  for (let index = from; index < fields.length; index += 1) {
    const one = [...before, fields[index] ?? ""];
    yield one;
    if (one.length < MAX_FIELDS) yield* combinations(fields, index + 1, one);
  }
}
