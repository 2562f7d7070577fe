import { scalarText, type YamlMap } from "../yaml/node.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { WarningCode } from "./diagnostic.ts";
import { ITEM_KEYS, type ItemKind } from "./item-keys.ts";
import { failItem, flagOf, itemError } from "./item-values.ts";
import type { RawItem } from "./raw-items.ts";

/**
 * How an item with a name that may exist already changes what is there, by key; undefined when it
 * defines anew.
 */
export type Overrides = ReadonlyMap<string, "append" | "replace">;

/**
 * What `append: true` or `override` ask for; strict both ways: every key that can be overridden
 * is named, and every named key is there.
 */
export function overridesOf(
  item: RawItem,
  warn: (code: WarningCode, message: string, key: string) => void,
): Overrides | undefined {
  const canAppend = ITEM_KEYS[item.word as ItemKind]["append"] !== undefined;
  const isAppend = canAppend && item.keys.has("append") && flagOf(item, "append", false);
  const node = item.keys.get("override");
  if (isAppend) {
    warn(
      "LOAD_DEPRECATED_ITEM",
      '"append" is deprecated: write "override" with the keys to append',
      "append",
    );
    if (node !== undefined)
      failItem(item, "append", '"append" and "override" cannot stand together');
    const keys =
      item.word === "list"
        ? ["items"]
        : ["condition", "exceptions"].filter((key) => item.keys.has(key));
    if (item.word === "rule" && keys.length === 0)
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        "Appended rule must have exceptions or a condition",
        "append",
      );
    return new Map(keys.map((key) => [key, "append"]));
  }
  if (node === undefined || node.kind === "scalar") return undefined;
  if (node.kind !== "map")
    return failItem(item, "override", '"override" must be a map of keys to append or replace');
  return node.entries.length === 0 ? undefined : readOverride(item, node);
}

function readOverride(item: RawItem, node: YamlMap): Overrides {
  const rules = ITEM_KEYS[item.word as ItemKind];
  const overrides = new Map<string, "append" | "replace">();
  for (const entry of node.entries) {
    const key = scalarText(entry.key) ?? "";
    const how = scalarText(entry.value) ?? "";
    if (how !== "append" && how !== "replace")
      failItem(
        item,
        "override",
        `Invalid override "${how}" of "${key}": it must be append or replace`,
      );
    if (rules[key]?.[how as "append"] !== true)
      failItem(
        item,
        "override",
        `Key "${key}" cannot be overridden with ${how}`,
        didYouMean(key, Object.keys(rules)),
      );
    if (!item.keys.has(key))
      failItem(item, "override", `Key "${key}" is to be overridden but is not there`);
    overrides.set(key, how);
  }
  for (const key of item.keys.keys()) {
    const canOverride = rules[key]?.append === true || rules[key]?.replace === true;
    if (canOverride && !overrides.has(key))
      failItem(item, key, `Unexpected key "${key}": it is not named in "override"`);
  }
  return overrides;
}
