import { EVENT_TYPES } from "../events/schema.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { findShadowing, type Shadowing } from "../rules/shadowing.ts";

/** Most rules that are told of, one by one. */
const MAX_NOTES = 10;

/** Each is compared with all before it: ten thousand would take minutes. */
const MAX_COMPARED = 1000;

/**
 * A line for each rule that another one hides where the first that matches wins, and what to do.
 * `rules`: those that are on, in their order.
 */
export function shadowingNotes(rules: readonly LoadedRule[]): string[] {
  const found = findShadowing(rules.slice(0, MAX_COMPARED));
  return [
    ...found.slice(0, MAX_NOTES).map(noteOf),
    ...(found.length > MAX_NOTES
      ? [`${found.length - MAX_NOTES} more rules are hidden by others`]
      : []),
    ...(rules.length > MAX_COMPARED
      ? [`which rules hide others was looked for among the first ${MAX_COMPARED} alone`]
      : []),
  ];
}

function noteOf({ hidden, by, eventCodes, isWhole }: Shadowing<LoadedRule>): string {
  const events = [...eventCodes].map((code) => EVENT_TYPES[code]?.name ?? String(code));
  const when = isWhole
    ? "is never told"
    : `is never told on ${events.slice(0, 5).join(", ")}${events.length > 5 ? ` and ${events.length - 5} more` : ""}`;
  return `rule "${hidden.name}" (${hidden.file}) ${when}: "${by.name}" (${by.file}) comes before it and matches all that it matches there; put it first, give the other an exception, or set rule_matching: all`;
}
