import { isNull } from "../yaml/node.ts";
import { durationMs } from "../lib/duration.ts";
import type { CorrelationDefinition } from "./definitions.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { ITEM_KEYS } from "./item-keys.ts";
import type { Overrides } from "./item-overrides.ts";
import { failItem, flagOf, ItemError, priorityOf, textOf, textsOf } from "./item-values.ts";
import { mappedScalar, type RawItem } from "./raw-items.ts";
import { MappedText, placeAt } from "./source-text.ts";

/**
 * A `count` or `sequence` as its item defines it; what is wrong with its keys is reported, and the
 * others are read all the same.
 */
export function readCorrelation(
  item: RawItem,
  report: (diagnostic: Diagnostic) => void,
): CorrelationDefinition {
  const word = item.word as CorrelationDefinition["word"];
  const definition: CorrelationDefinition = {
    word,
    name: item.name,
    rules: [],
    by: [],
    threshold: 1,
    withinMs: 1,
    output: MappedText.at("none", item.source, item.offset),
    desc: "",
    priority: "Debug",
    source: "syscall",
    enabled: true,
    tags: [],
    skipIfUnknownFilter: false,
    isBroken: false,
    place: placeAt(item.source, item.offset),
    file: item.source.name,
  };
  for (const [key, rule] of Object.entries(ITEM_KEYS[word]))
    if (item.keys.has(key) || rule.required === true) readInto(definition, { item, key, report });
  return definition;
}

/** Puts the keys that `override` names in place of those of an earlier item. */
export function changeCorrelation(
  definition: CorrelationDefinition,
  { item, overrides }: { readonly item: RawItem; readonly overrides: Overrides },
  report: (diagnostic: Diagnostic) => void,
): void {
  for (const key of overrides.keys()) readInto(definition, { item, key, report });
}

function readInto(
  definition: CorrelationDefinition,
  {
    item,
    key,
    report,
  }: {
    readonly item: RawItem;
    readonly key: string;
    readonly report: (diagnostic: Diagnostic) => void;
  },
): void {
  try {
    Object.assign(definition, READERS[key]?.(item));
  } catch (thrown) {
    if (!(thrown instanceof ItemError)) throw thrown;
    report(thrown.diagnostic);
    definition.isBroken = true;
  }
}

/** What each key of these items says; those of the item itself, as its name, say nothing more. */
const READERS: Readonly<Record<string, (item: RawItem) => Partial<CorrelationDefinition>>> = {
  rules: (item) => ({ rules: rulesOf(item) }),
  by: (item) => ({ by: mappedTextsOf(item, "by") }),
  threshold: (item) => ({ threshold: thresholdOf(item) }),
  within: (item) => ({ withinMs: withinOf(item) }),
  output: (item) => ({ output: textOf(item, "output").trimmed() }),
  desc: (item) => ({ desc: textOf(item, "desc").text }),
  priority: (item) => ({ priority: priorityOf(item) }),
  enabled: (item) => ({ enabled: flagOf(item, "enabled", true) }),
  tags: (item) => ({ tags: [...new Set(textsOf(item, "tags"))] }),
};

function rulesOf(item: RawItem): readonly MappedText[] {
  const rules = mappedTextsOf(item, "rules");
  const least = item.word === "sequence" ? 2 : 1;
  if (rules.length < least)
    failItem(item, "rules", `A ${item.word} needs ${least === 1 ? "a rule" : "two rules or more"}`);
  if (rules.length > MAX_RULES) failItem(item, "rules", `At most ${MAX_RULES} rules are taken`);
  return rules;
}

const MAX_RULES = 100;

/** The texts of a list, each with its place. */
function mappedTextsOf(item: RawItem, key: string): readonly MappedText[] {
  textsOf(item, key);
  const node = item.keys.get(key);
  return node?.kind === "sequence"
    ? node.items.filter((one) => !isNull(one)).map((one) => mappedScalar(one, item.source))
    : [];
}

function thresholdOf(item: RawItem): number {
  const { text } = textOf(item, "threshold");
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 2 || value > MAX_THRESHOLD)
    failItem(
      item,
      "threshold",
      `Value of "threshold" must be a whole number from 2 to ${MAX_THRESHOLD}`,
    );
  return value;
}

const MAX_THRESHOLD = 10_000;

function withinOf(item: RawItem): number {
  const { text } = textOf(item, "within");
  const value = durationMs(text) ?? 0;
  if (value <= 0 || value > MAX_WITHIN_MS)
    failItem(
      item,
      "within",
      `Invalid time "${text}" in "within"`,
      "write 30s, 5m or 2h; at most 24h",
    );
  return value;
}

const MAX_WITHIN_MS = 24 * 3_600_000;
