import { EVENT_TYPES } from "../events/schema.ts";
import type { FieldRegistry } from "../fields/field.ts";
import { mappedScalar, type RawItem, readItems } from "./raw-items.ts";
import type { RulesText } from "./load-rules.ts";

/** What a word of a rules file stands for, as an editor shows it. */
export interface EditorWord {
  readonly name: string;
  readonly kind: "field" | "macro" | "list" | "event" | "rule";
  /** For people: a field's description, a macro's condition, what a list holds. */
  readonly doc: string;
}

/** Longest text that is shown of a macro or list. */
const MAX_DOC = 2000;

/**
 * The words that may stand in the texts of rules files: fields, event types, and what these files
 * define. Of a name that is defined twice the later definition counts.
 */
export function editorWords(
  files: readonly RulesText[],
  fields: FieldRegistry,
): ReadonlyMap<string, EditorWord> {
  const words = new Map<string, EditorWord>();
  const add = (word: EditorWord): void => void words.set(word.name, word);
  for (const type of EVENT_TYPES)
    if (type !== undefined) add({ name: type.name, kind: "event", doc: "Event type" });
  for (const file of files)
    for (const item of readItems(file).items) {
      const word = definedBy(item);
      if (word !== undefined) add(word);
    }
  for (const name of fields.names()) add({ name, kind: "field", doc: fields.get(name)?.doc ?? "" });
  return words;
}

function definedBy(item: RawItem): EditorWord | undefined {
  const { name, word, keys, source } = item;
  // What is changed later was defined before.
  if (name === "" || keys.has("override")) return undefined;
  const text = (key: string): string => {
    const node = keys.get(key);
    if (node === undefined) return "";
    return (
      node.kind === "scalar"
        ? mappedScalar(node, source).text.trim()
        : source.text.slice(node.start, node.end)
    ).slice(0, MAX_DOC);
  };
  if (word === "macro") return { name, kind: "macro", doc: text("condition") };
  if (word === "list") return { name, kind: "list", doc: text("items") };
  return word === "rule" ? { name, kind: "rule", doc: text("desc") } : undefined;
}

/** What may be written at a place of a rules file, by the key whose text it is in. */
const KINDS: Readonly<Record<string, readonly EditorWord["kind"][]>> = {
  condition: ["field", "macro", "list", "event"],
  output: ["field"],
  items: ["list"],
  rules: ["rule"],
  by: ["field"],
  fields: ["field"],
};

/** Characters that names of fields, macros and lists consist of. */
const WORD = /[\w.]/;

/** The word at a place, and where it stands; without one it is empty. */
export function wordAt(
  text: string,
  offset: number,
): { readonly word: string; readonly start: number; readonly end: number } {
  let [start, end] = [offset, offset];
  while (start > 0 && WORD.test(text[start - 1] ?? "")) start -= 1;
  while (end < text.length && WORD.test(text[end] ?? "")) end += 1;
  return { word: text.slice(start, end), start, end };
}

/** The words that may stand at a place; none where no text of a rule is. */
export function completionsAt(
  text: string,
  offset: number,
  words: ReadonlyMap<string, EditorWord>,
): readonly EditorWord[] {
  const kinds = KINDS[keyAt(text, offset) ?? ""] ?? [];
  return [...words.values()].filter(({ kind }) => kinds.includes(kind));
}

/** How far back a key is looked for. */
const MAX_LOOK_BACK = 10_000;

/** The key whose value a place is in: that of its line, else of the nearest line further left. */
function keyAt(text: string, offset: number): string | undefined {
  const lines = text.slice(Math.max(0, offset - MAX_LOOK_BACK), offset).split("\n");
  let indent = Number.POSITIVE_INFINITY;
  for (const line of lines.toReversed()) {
    const [, blank = "", dash = "", key] = /^(\s*)(- +)?(?:([\w-]+):(?:\s|$))?/.exec(line) ?? [];
    if (line.trim() === "" && Number.isFinite(indent)) continue;
    const column = blank.length + dash.length;
    if (key !== undefined && column < indent) return key;
    indent = Math.min(indent, line.trim() === "" ? line.length + 1 : column);
  }
  return undefined;
}
