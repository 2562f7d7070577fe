import type { LoadedCorrelation } from "./compile-correlation.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import { printCondition } from "./print-condition.ts";

/** What a new set of rules has that the old one had not, by name, in the order of the sets. */
export interface RuleChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /**
   * Those of the same name that would tell something else, or of something else: macros, lists and
   * exceptions count.
   */
  readonly changed: readonly string[];
  /**
   * The rules of both stand in another order, which matters where the first one that matches is the
   * only one told.
   */
  readonly isReordered: boolean;
}

/** Compares two sets of rules that are switched on. */
export function ruleChanges(
  before: readonly (LoadedRule | LoadedCorrelation)[],
  after: readonly (LoadedRule | LoadedCorrelation)[],
): RuleChanges {
  const [old, now] = [
    new Map(before.map((rule) => [rule.name, rule])),
    new Map(after.map((rule) => [rule.name, rule])),
  ];
  const keptBefore = [...old.keys()].filter((name) => now.has(name));
  const kept = [...now.keys()].filter((name) => old.has(name));
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: kept.filter((name) => contentOf(old.get(name)) !== contentOf(now.get(name))),
    isReordered: kept.some((name, index) => name !== keptBefore[index]),
  };
}

/** Most names that a summary lists of one kind. */
const MAX_NAMES = 8;

/** In one line: `added "A"; removed "B", "C"; changed "D"`, or `nothing changed`. */
export function summarizeChanges({ added, removed, changed, isReordered }: RuleChanges): string {
  const parts = [
    named("added", added),
    named("removed", removed),
    named("changed", changed),
    isReordered ? "the order changed" : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "nothing changed" : parts.join("; ");
}

function named(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `${what} ${names
    .slice(0, MAX_NAMES)
    .map((name) => `"${name}"`)
    .join(", ")}${more}`;
}

function contentOf(rule: LoadedRule | LoadedCorrelation | undefined): string {
  if (rule === undefined) return "";
  const { priority, source, tags, desc, outputText, capture, captureDuration } = rule;
  return JSON.stringify([
    priority,
    source,
    tags,
    desc,
    outputText,
    capture,
    captureDuration,
    "expression" in rule ? printCondition(rule.expression) : correlationContent(rule),
  ]);
}

/** Its rules themselves are not part of it: they are compared on their own. */
function correlationContent(correlation: LoadedCorrelation): readonly unknown[] {
  const { kind, ruleNames, byNames, threshold, withinMs } = correlation;
  return [kind, ruleNames, byNames, threshold, withinMs];
}
