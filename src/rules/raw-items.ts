import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar, type YAMLMap } from "yaml";
import { didYouMean } from "./did-you-mean.ts";
import type { Diagnostic, ItemType } from "./diagnostic.ts";
import { ITEM_KEYS, ITEM_WORDS, type ItemKind } from "./item-keys.ts";
import { MappedText, placeAt, type SourceText } from "./source-text.ts";

/** One entry of a rules file, its keys by name; nothing is checked yet but the shape. */
export interface RawItem {
  readonly word: string;
  readonly name: string;
  readonly keys: ReadonlyMap<string, Node | null>;
  readonly source: SourceText;
  /** Offset of the item's first key. */
  readonly offset: number;
}

export interface RawFile {
  readonly items: readonly RawItem[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Splits a rules file into its items. What is no YAML, or no list of maps, is an error with its place. */
export function readItems(file: { readonly name: string; readonly text: string }): RawFile {
  const source: SourceText = { ...file, lines: new LineCounter() };
  const diagnostics: Diagnostic[] = [];
  const items: RawItem[] = [];
  const fail = (code: "LOAD_ERR_YAML_PARSE" | "LOAD_ERR_YAML_VALIDATE", message: string, offset: number): void => {
    diagnostics.push({ code, message, place: placeAt(source, offset), itemType: "rules content" });
  };
  try {
    for (const document of parseAllDocuments(file.text, { lineCounter: source.lines, prettyErrors: false, uniqueKeys: true })) {
      for (const error of document.errors) fail("LOAD_ERR_YAML_PARSE", firstLine(error.message), error.pos[0]);
      if (document.errors.length > 0 || document.contents === null || isEmpty(document.contents)) continue;
      if (!isSeq(document.contents)) {
        fail("LOAD_ERR_YAML_VALIDATE", "Rules content is not a list of items: each begins with a dash", document.contents.range?.[0] ?? 0);
        continue;
      }
      for (const entry of document.contents.items as Node[]) {
        const node = isAlias(entry) ? entry.resolve(document) : entry;
        if (isMap(node)) addItem(node as YAMLMap<Node, Node | null>, { source, items, diagnostics });
        else fail("LOAD_ERR_YAML_VALIDATE", "Item is not a map of keys", entry?.range?.[0] ?? 0);
      }
    }
  } catch (thrown) {
    // The parser recurses: a file nested ten thousand levels deep ends in a RangeError, aliases without end in an Error.
    fail("LOAD_ERR_YAML_PARSE", firstLine(thrown instanceof Error ? thrown.message : String(thrown)), 0);
  }
  return { items, diagnostics };
}

interface Sink {
  readonly source: SourceText;
  readonly items: RawItem[];
  readonly diagnostics: Diagnostic[];
}

function addItem(map: YAMLMap<Node, Node | null>, { source, items, diagnostics }: Sink): void {
  const keys = new Map<string, Node | null>();
  const offsets = new Map<string, number>();
  for (const pair of map.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : "";
    keys.set(key, pair.value);
    offsets.set(key, pair.key.range?.[0] ?? 0);
  }
  const offset = map.range?.[0] ?? 0;
  const word = ITEM_WORDS.find((candidate) => keys.has(candidate));
  if (word === undefined) {
    const first = keys.keys().next().value ?? "";
    const hint = didYouMean(first, ITEM_WORDS);
    diagnostics.push({ code: "LOAD_UNKNOWN_ITEM", message: `Unknown top-level item "${first}"`, hint, place: placeAt(source, offset, first.length), itemType: "rules content" });
    return;
  }
  const kind = ITEM_KEYS[word as ItemKind] === undefined ? undefined : (word as ItemKind);
  const node = keys.get(word) ?? null;
  const name = kind === undefined ? "" : (scalarText(node) ?? "");
  for (const key of keys.keys()) {
    if (kind === undefined || ITEM_KEYS[kind][key] !== undefined) continue;
    const hint = didYouMean(key, Object.keys(ITEM_KEYS[kind]));
    const place = placeAt(source, offsets.get(key) ?? offset, key.length);
    diagnostics.push({ code: "LOAD_UNKNOWN_KEY", message: `Unknown key "${key}"`, hint, place, itemType: word as ItemType, itemName: name });
  }
  items.push({ word, name, keys, source, offset });
}

/** A scalar's text as it is written: `yes` stays `yes`, `010` stays `010`; undefined for what is no scalar or null. */
export function scalarText(node: Node | null | undefined): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
}

/** A scalar's text with its places. */
export function mappedScalar(node: Node, source: SourceText): MappedText {
  const scalar = node as Scalar;
  if (typeof scalar.value === "string") return MappedText.ofScalar(scalar, source);
  return MappedText.at(scalarText(node) ?? "", source, node.range?.[0] ?? 0);
}

/** `true`, `yes`, `on` and their opposites, in any case (YAML 1.1, as Falco's parser reads booleans). */
export function scalarBoolean(node: Node | null | undefined): boolean | undefined {
  const text = scalarText(node)?.toLowerCase() ?? "";
  if (["true", "yes", "on", "y"].includes(text)) return true;
  return ["false", "no", "off", "n"].includes(text) ? false : undefined;
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null;
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}
