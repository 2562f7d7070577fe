import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from "yaml";
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

/**
 * Splits a rules file into its items. What is no YAML, or no list of maps, is an error with its
 * place.
 */
export function readItems(file: { readonly name: string; readonly text: string }): RawFile {
  const source: SourceText = { ...file, lines: linesOf(file.text) };
  const diagnostics: Diagnostic[] = [];
  const items: RawItem[] = [];
  const fail = (
    code: "LOAD_ERR_YAML_PARSE" | "LOAD_ERR_YAML_VALIDATE",
    message: string,
    offset: number,
  ): void => {
    diagnostics.push({ code, message, place: placeAt(source, offset), itemType: "rules content" });
  };
  const obstacle = obstacleIn(file.text);
  if (obstacle !== undefined) {
    fail("LOAD_ERR_YAML_PARSE", obstacle.message, obstacle.offset);
    return { items, diagnostics };
  }
  try {
    for (const document of parseAllDocuments(file.text, {
      prettyErrors: false,
      uniqueKeys: false,
    })) {
      // The parser recurses, and answers each level of blocks nested too deeply in words of its
      // own.
      if (document.errors.some((error) => /call stack|Stack overflow/.test(error.message)))
        throw new RangeError();
      for (const error of document.errors)
        fail("LOAD_ERR_YAML_PARSE", firstLine(error.message), error.pos[0]);
      if (document.errors.length > 0 || document.contents === null || isEmpty(document.contents))
        continue;
      if (!isSeq(document.contents)) {
        fail(
          "LOAD_ERR_YAML_VALIDATE",
          "Rules content is not a list of items: each begins with a dash",
          document.contents.range?.[0] ?? 0,
        );
        continue;
      }
      for (const entry of document.contents.items as Node[]) {
        const node = withoutAliases(entry, document);
        if (isMap(node))
          addItem(node as YAMLMap<Node, Node | null>, { source, items, diagnostics });
        else if (node === null || isEmpty(node)) continue;
        else fail("LOAD_ERR_YAML_VALIDATE", "Item is not a map of keys", entry?.range?.[0] ?? 0);
      }
    }
  } catch (thrown) {
    const message =
      thrown instanceof RangeError
        ? "YAML is nested too deeply"
        : firstLine(thrown instanceof Error ? thrown.message : String(thrown));
    diagnostics.length = 0;
    fail("LOAD_ERR_YAML_PARSE", message, 0);
  }
  return { items, diagnostics };
}

/** Longest rules file, in characters: the official ones together have a quarter of a million. */
const MAX_FILE = 4 << 20;

/** Deepest nesting of brackets; a rules file has about five. */
const MAX_BRACKETS = 200;

/**
 * What keeps a text from being read at all: checked before a parser that recurses, and that answers
 * each of ten thousand brackets, sees it.
 */
function obstacleIn(
  text: string,
): { readonly message: string; readonly offset: number } | undefined {
  if (text.length > MAX_FILE)
    return {
      message: `File is ${(text.length / 1e6).toFixed(1)} MB long, at most ${(MAX_FILE / 1e6).toFixed(1)} MB are read`,
      offset: 0,
    };
  let depth = 0;
  for (const match of text.matchAll(/[[\]{}\0]/g)) {
    if (match[0] === "\0")
      return { message: "File holds a NUL: it is no text", offset: match.index };
    depth = match[0] === "[" || match[0] === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > MAX_BRACKETS)
      return {
        message: `Brackets are nested more than ${MAX_BRACKETS} levels deep`,
        offset: match.index,
      };
  }
  return undefined;
}

/**
 * Where lines begin. The parser could count them, too, but passes over those in what it does not
 * understand.
 */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1))
    lines.addNewLine(at + 1);
  return lines;
}

/**
 * A node with what its aliases stand for in their place. Each node is visited once, so aliases of
 * aliases cost nothing more.
 */
function withoutAliases(node: Node, document: Document, seen = new Set<Node>()): Node | null {
  const plain = isAlias(node) ? (node.resolve(document) ?? null) : node;
  if (plain === null || seen.has(plain)) return plain;
  seen.add(plain);
  if (isSeq(plain))
    plain.items = (plain.items as Node[]).map((item) => withoutAliases(item, document, seen));
  if (isMap(plain))
    for (const pair of plain.items)
      if (pair.value !== null) pair.value = withoutAliases(pair.value as Node, document, seen);
  return plain;
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
    // Of a key that stands twice the first one counts, as for Falco's parser.
    if (keys.has(key)) continue;
    keys.set(key, pair.value);
    offsets.set(key, pair.key.range?.[0] ?? 0);
  }
  const offset = map.range?.[0] ?? 0;
  const word = ITEM_WORDS.find((candidate) => keys.has(candidate));
  if (word === undefined) {
    const first = keys.keys().next().value ?? "";
    const hint = didYouMean(first, ITEM_WORDS);
    diagnostics.push({
      code: "LOAD_UNKNOWN_ITEM",
      message: `Unknown top-level item "${first}"`,
      hint,
      place: placeAt(source, offset, first.length),
      itemType: "rules content",
    });
    return;
  }
  const kind = ITEM_KEYS[word as ItemKind] === undefined ? undefined : (word as ItemKind);
  const node = keys.get(word) ?? null;
  const name = kind === undefined ? "" : (scalarText(node) ?? "");
  for (const key of keys.keys()) {
    if (kind === undefined || ITEM_KEYS[kind][key] !== undefined) continue;
    const hint = didYouMean(key, Object.keys(ITEM_KEYS[kind]));
    const place = placeAt(source, offsets.get(key) ?? offset, key.length);
    diagnostics.push({
      code: "LOAD_UNKNOWN_KEY",
      message: `Unknown key "${key}"`,
      hint,
      place,
      itemType: word as ItemType,
      itemName: name,
    });
  }
  items.push({ word, name, keys, source, offset });
}

/**
 * A scalar's text as it is written: `yes` stays `yes`, `010` stays `010`; undefined for what is no
 * scalar or null.
 */
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

/**
 * `true`, `yes`, `on` and their opposites, in any case (YAML 1.1, as Falco's parser reads
 * booleans).
 */
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
