import { isNull, scalarText, type YamlMap, type YamlNode } from "../yaml/node.ts";
import { parseYaml } from "../yaml/parse-yaml.ts";
import { YamlError } from "../yaml/yaml-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Diagnostic, ItemType } from "./diagnostic.ts";
import { ITEM_KEYS, ITEM_WORDS, type ItemKind } from "./item-keys.ts";
import { linesOf, MappedText, placeAt, type SourceText } from "./source-text.ts";

/** One entry of a rules file, its keys by name; nothing is checked yet but the shape. */
export interface RawItem {
  readonly word: string;
  readonly name: string;
  readonly keys: ReadonlyMap<string, YamlNode>;
  readonly source: SourceText;
  /** Offset of the item's first key. */
  readonly offset: number;
}

/** The items of one file, and what is no item in it. */
export interface RawFile {
  readonly items: readonly RawItem[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Splits a rules file into its items. What is no YAML, or no list of maps, is an error with its
 * place.
 */
export function readItems(file: { readonly name: string; readonly text: string }): RawFile {
  const source: SourceText = { ...file, lines: linesOf(file.text) };
  const sink: Sink = { source, items: [], diagnostics: [] };
  try {
    requireText(file.text);
    let empty: YamlNode | undefined;
    for (const document of parseYaml(file.text)) {
      if (empty !== undefined) sink.diagnostics.push(afterEmpty(empty, source));
      empty = isNull(document) ? document : undefined;
      if (empty === undefined) addDocument(document, sink);
    }
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    const { message, hint, offset } = thrown;
    const place = placeAt(source, offset);
    const code = "LOAD_ERR_YAML_PARSE";
    sink.diagnostics.push({ code, message, hint, place, itemType: "rules content" });
  }
  return sink;
}

interface Sink {
  readonly source: SourceText;
  readonly items: RawItem[];
  readonly diagnostics: Diagnostic[];
}

/** Longest rules file, in characters: the official ones together have a quarter of a million. */
const MAX_FILE = 4 << 20;

/** What keeps a text from being read at all. */
function requireText(text: string): void {
  if (text.length > MAX_FILE)
    throw new YamlError(
      `File is ${(text.length / 1e6).toFixed(1)} MB long, at most ${(MAX_FILE / 1e6).toFixed(1)} MB are read`,
      0,
    );
  const nul = text.indexOf("\0");
  if (nul >= 0) throw new YamlError("File holds a NUL: it is no text", nul);
}

function addDocument(document: YamlNode, sink: Sink): void {
  if (document.kind !== "sequence")
    return invalid(
      "Rules content is not a list of items: each begins with a dash",
      document.start,
      sink,
    );
  for (const item of document.items) {
    if (item.kind === "map") addItem(item, sink);
    else if (!isNull(item)) invalid("Item is not a map of keys", item.start, sink);
  }
}

/** Falco's parser ends at the first document that holds nothing (yaml-cpp, LoadAll). */
function afterEmpty(document: YamlNode, source: SourceText): Diagnostic {
  return {
    code: "LOAD_EMPTY_DOCUMENT",
    message: "Falco reads nothing of what stands behind this empty document",
    hint: "Saker reads on; take one of the two --- away",
    place: placeAt(source, document.start),
    itemType: "rules content",
  };
}

function invalid(message: string, offset: number, { source, diagnostics }: Sink): void {
  const place = placeAt(source, offset);
  diagnostics.push({ code: "LOAD_ERR_YAML_VALIDATE", message, place, itemType: "rules content" });
}

function addItem(map: YamlMap, { source, items, diagnostics }: Sink): void {
  const keys = new Map<string, YamlNode>();
  const offsets = new Map<string, number>();
  for (const { key, value } of map.entries) {
    const text = scalarText(key) ?? "";
    // Of a key that stands twice the first one counts, as for Falco's parser.
    if (keys.has(text)) continue;
    keys.set(text, value);
    offsets.set(text, key.start);
  }
  const offset = map.start;
  const word = ITEM_WORDS.find((candidate) => keys.has(candidate));
  if (word === undefined) {
    const first = keys.keys().next().value ?? "";
    diagnostics.push({
      code: "LOAD_UNKNOWN_ITEM",
      message: `Unknown top-level item "${first}"`,
      hint: didYouMean(first, ITEM_WORDS),
      place: placeAt(source, offset, first.length),
      itemType: "rules content",
    });
    return;
  }
  const kind = ITEM_KEYS[word as ItemKind] === undefined ? undefined : (word as ItemKind);
  const name = kind === undefined ? "" : (scalarText(keys.get(word)) ?? "");
  const known = kind === undefined ? [word] : Object.keys(ITEM_KEYS[kind]);
  for (const key of keys.keys()) {
    if (known.includes(key)) continue;
    diagnostics.push({
      code: "LOAD_UNKNOWN_KEY",
      message: `Unknown key "${key}"`,
      hint: didYouMean(key, known),
      place: placeAt(source, offsets.get(key) ?? offset, key.length),
      itemType: word as ItemType,
      itemName: name,
    });
  }
  items.push({ word, name, keys, source, offset });
}

/** A scalar's text with its places. */
export function mappedScalar(node: YamlNode, source: SourceText): MappedText {
  return node.kind === "scalar"
    ? MappedText.ofSpan(node.text, node, source)
    : MappedText.at("", source, node.start);
}

/**
 * `true`, `yes`, `on` and their opposites, in lower case, upper case or with one capital (YAML 1.1,
 * as Falco's parser reads booleans).
 */
export function scalarBoolean(node: YamlNode | undefined): boolean | undefined {
  const text = scalarText(node) ?? "";
  if (!/^(?:[A-Z]?[a-z]*|[A-Z]+)$/.test(text)) return undefined;
  const lower = text.toLowerCase();
  if (["true", "yes", "on", "y"].includes(lower)) return true;
  return ["false", "no", "off", "n"].includes(lower) ? false : undefined;
}
