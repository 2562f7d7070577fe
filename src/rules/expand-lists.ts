import type { ListDefinition } from "./definitions.ts";
import { MappedText } from "./source-text.ts";

/** What stands between names in a condition, as far as lists are concerned. */
const NAME = /[^ \t\n\r(),=]+/g;

/**
 * Replaces the names of lists by their items, as text and before parsing, as Falco does: wherever a name stands between blanks,
 * parentheses, commas or equals signs. An empty list takes one comma with it. `used` gets the names that were found.
 */
export class ListExpander {
  readonly #items = new Map<string, { readonly order: number; readonly items: readonly string[] }>();
  readonly #cache = new Map<string, string>();
  readonly used = new Set<string>();

  constructor(lists: Iterable<ListDefinition>) {
    let order = 0;
    for (const list of lists) {
      // An item that names an earlier list stands for that list's own items, one level deep.
      const items = list.items.flatMap((item) => this.#raw(item) ?? [item]);
      this.#items.set(list.name, { order, items });
      order += 1;
    }
  }

  expand(condition: MappedText): MappedText {
    const parts: MappedText[] = [];
    let last = 0;
    for (const match of condition.text.matchAll(NAME)) {
      const known = this.#items.get(match[0]);
      if (known === undefined) continue;
      this.used.add(match[0]);
      let [start, end] = [match.index, match.index + match[0].length];
      const text = this.#text(match[0]);
      if (text === "") ({ start, end } = withComma(condition.text, start, end, last));
      parts.push(condition.slice(last, start), condition.slice(match.index, match.index + match[0].length).replacedBy(text));
      last = end;
    }
    if (parts.length === 0) return condition;
    parts.push(condition.slice(last, condition.text.length));
    return MappedText.join(parts, "");
  }

  #raw(name: string): readonly string[] | undefined {
    const known = this.#items.get(name);
    if (known !== undefined) this.used.add(name);
    return known?.items;
  }

  /** The items as text. Names of lists that were defined later expand, too: Falco replaces list by list in the order of definition. */
  #text(name: string): string {
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const own = this.#items.get(name);
    const texts = (own?.items ?? []).map((item) => {
      const later = this.#items.get(item);
      if (later === undefined || later.order <= (own?.order ?? 0)) return quoted(item);
      this.used.add(item);
      return this.#text(item);
    });
    const text = texts.filter((item) => item !== "").join(", ");
    this.#cache.set(name, text);
    return text;
  }
}

function quoted(item: string): string {
  return /\s/.test(item) && !/^(["']).*\1$/s.test(item) ? `"${item}"` : item === "" ? '""' : item;
}

/** An empty list's name with the comma behind it, else the one before it. */
function withComma(text: string, start: number, end: number, floor: number): { readonly start: number; readonly end: number } {
  const after = /^\s*,\s*/.exec(text.slice(end));
  if (after !== null) return { start, end: end + after[0].length };
  const before = /,\s*$/.exec(text.slice(floor, start));
  return before === null ? { start, end } : { start: start - before[0].length, end };
}
