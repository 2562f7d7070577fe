import { isNull, scalarText, type YamlNode } from "../yaml/node.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Diagnostic, ErrorCode, ItemType } from "./diagnostic.ts";
import { type Priority, priorityByName } from "./priority.ts";
import { mappedScalar, type RawItem, scalarBoolean } from "./raw-items.ts";
import { type MappedText, placeAt } from "./source-text.ts";

/** Thrown inside one item: the item is left out and its diagnostic kept. */
export class ItemError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** The text of a key that must be there. Throws an `ItemError`, as all here do. */
export function textOf(item: RawItem, key: string): MappedText {
  const node = requireKey(item, key);
  const text = scalarText(node);
  if (text === undefined)
    return failItem(
      item,
      key,
      isNull(node) ? `Mapping for key "${key}" is empty` : `Value of "${key}" must be text`,
    );
  if (text === "") return failItem(item, key, `Value of "${key}" must be non-empty`);
  return mappedScalar(node, item.source);
}

/** The list of a key that must be there. */
export function textsOf(item: RawItem, key: string): readonly string[] {
  const node = requireKey(item, key);
  if (node.kind !== "sequence")
    return failItem(
      item,
      key,
      isNull(node) ? `Mapping for key "${key}" is empty` : `Value of "${key}" must be a list`,
    );
  return node.items.map(
    (value) =>
      scalarText(value) ??
      failItem(item, key, `Every value of "${key}" must be a single text or number`),
  );
}

function requireKey(item: RawItem, key: string): YamlNode {
  const node = item.keys.get(key);
  if (node !== undefined) return node;
  const message = `Item has no mapping for key "${key}"`;
  throw itemError(item, "LOAD_ERR_YAML_VALIDATE", message, item.word);
}

/** True or false; `fallback` where the key is not there. */
export function flagOf(item: RawItem, key: string, fallback: boolean): boolean {
  if (!item.keys.has(key)) return fallback;
  return (
    scalarBoolean(item.keys.get(key)) ??
    failItem(item, key, `Value of "${key}" must be true or false`)
  );
}

/** A number of milliseconds below 2^32; 0 where the key is not there. */
export function millisecondsOf(item: RawItem, key: string): number {
  if (!item.keys.has(key)) return 0;
  const text = textOf(item, key).text;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_ffff)
    failItem(item, key, `Value of "${key}" must be a number of milliseconds`);
  return Number(text);
}

/** Throws what is wrong with the value of a key. */
export function failItem(item: RawItem, key: string, message: string, hint?: string): never {
  throw itemError(item, "LOAD_ERR_YAML_VALIDATE", message, key, hint);
}

/** What is wrong with an item, at the place of one of its keys. */
export function itemError(
  item: RawItem,
  code: ErrorCode,
  message: string,
  key: string,
  hint?: string,
): ItemError {
  return new ItemError({ ...aboutItem(item, key), code, message, hint });
}

/** Falco's priority, in any of its names. */
export function priorityOf(item: RawItem): Priority {
  const { text } = textOf(item, "priority");
  const hint = didYouMean(text, PRIORITY_NAMES);
  return priorityByName(text) ?? failItem(item, "priority", `Invalid priority "${text}"`, hint);
}

/** Where a key of an item stands, and what the item is. */
export function aboutItem(item: RawItem, key: string) {
  const offset = item.keys.get(key)?.start ?? item.offset;
  const length = scalarText(item.keys.get(key))?.split("\n", 1)[0]?.length ?? 1;
  return {
    place: placeAt(item.source, offset, length),
    itemType: item.word as ItemType,
    itemName: item.name,
  };
}

const PRIORITY_NAMES: readonly string[] = [
  "EMERGENCY",
  "ALERT",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "NOTICE",
  "INFO",
  "INFORMATIONAL",
  "DEBUG",
];
