import type { BaseUses } from "./base-uses.ts";
import { ConditionError } from "./condition-error.ts";
import type { ListDefinition } from "./definitions.ts";
import { MappedText } from "./source-text.ts";

/** What stands between names in a condition, as far as lists are concerned. */
const NAME = /[^ \t\n\r(),=]+/g;

/**
 * Longest text that a condition or a list may become, in characters: lists that name lists can grow
 * without measure.
 */
const MAX_LENGTH = 1 << 20;

interface KnownList {
  /** Its place in the order of definition. */
  readonly order: number;
  readonly items: readonly string[];
  readonly isBase: boolean;
}

/**
 * Replaces the names of lists by their items, as text and before parsing, as Falco does: wherever a
 * name stands between blanks, parentheses, commas or equals signs. An empty list takes one comma
 * with it. `used` gets the names that were found.
 */
export class ListExpander {
  readonly #lists = new Map<string, KnownList>();
  /** Lists whose names hold blanks or the like, which no tokenizer finds. */
  readonly #odd: string[] = [];
  readonly #texts = new Map<string, string | undefined>();
  readonly #baseUses: BaseUses;
  readonly used = new Set<string>();

  constructor(lists: ReadonlyMap<string, ListDefinition>, baseUses: BaseUses) {
    this.#baseUses = baseUses;
    let order = 0;
    for (const list of lists.values()) {
      this.#lists.set(list.name, {
        order,
        items: list.items.flatMap((item) => this.#itemsOf(item, list, lists)),
        isBase: list.isBase,
      });
      if (list.name.replace(NAME, "") !== "") this.#odd.push(list.name);
      order += 1;
    }
  }

  /** The items of a list, those of the lists it names among them: what `rules show` prints. */
  itemsOf(name: string): readonly string[] {
    return this.#lists.get(name)?.items ?? [];
  }

  /** Throws `ConditionError` when the text would become too long. */
  expand(condition: MappedText): MappedText {
    let text = condition;
    for (const name of this.#odd) text = this.#expandOdd(text, name);
    const parts: MappedText[] = [];
    let [last, length] = [0, 0];
    for (const match of text.text.matchAll(NAME)) {
      if (!this.#lists.has(match[0])) continue;
      const at = { start: match.index, end: match.index + match[0].length };
      if (this.#lists.get(match[0])?.isBase === true)
        this.#baseUses.add(match[0], text.place(at.start, at.end));
      const items = this.#text(match[0]);
      length += items?.length ?? 0;
      if (items === undefined || length > MAX_LENGTH) {
        throw new ConditionError(
          `list "${match[0]}" makes the condition longer than ${MAX_LENGTH} characters`,
          { ...at, hint: "lists that name lists multiply" },
        );
      }
      const { start, end } = items === "" ? withComma(text.text, at, last) : at;
      parts.push(text.slice(last, start), text.slice(at.start, at.end).replacedBy(items));
      last = end;
    }
    if (parts.length === 0) return text;
    parts.push(text.slice(last, text.text.length));
    return MappedText.join(parts, "");
  }

  /**
   * An item that names a list defined before this one's last change stands for that list's own
   * items, one level deep.
   */
  #itemsOf(
    item: string,
    list: ListDefinition,
    lists: ReadonlyMap<string, ListDefinition>,
  ): readonly string[] {
    const named = lists.get(item);
    if (named === undefined || named.order >= list.visibility) return [item];
    this.used.add(item);
    if (named.isBase) this.#baseUses.add(item, list.place);
    return named.items;
  }

  #expandOdd(condition: MappedText, name: string): MappedText {
    const at = condition.text.indexOf(name);
    if (at < 0) return condition;
    this.used.add(name);
    const after = condition.slice(at + name.length, condition.text.length);
    return MappedText.join(
      [
        condition.slice(0, at),
        condition.slice(at, at + name.length).replacedBy(this.#text(name) ?? ""),
        this.#expandOdd(after, name),
      ],
      "",
    );
  }

  /**
   * The items as text; undefined when they are too many. Falco replaces list by list in the order
   * of definition, so names of lists that were defined later expand, too.
   */
  #text(name: string): string | undefined {
    this.used.add(name);
    if (this.#texts.has(name)) return this.#texts.get(name);
    const own = this.#lists.get(name);
    const texts: string[] = [];
    let length = 0;
    for (const item of own?.items ?? []) {
      const later = this.#lists.get(item);
      const isLater = later !== undefined && later.order > (own?.order ?? 0);
      const text = isLater ? this.#text(item) : quoted(item);
      length += text === undefined ? MAX_LENGTH : text.length + 2;
      if (text === undefined || length > MAX_LENGTH) {
        this.#texts.set(name, undefined);
        return undefined;
      }
      if (text !== "" || !isLater) texts.push(text);
    }
    const joined = texts.join(", ");
    this.#texts.set(name, joined);
    return joined;
  }
}

/**
 * As Falco writes an item: in quotes when it holds a blank and does not begin with a quote itself.
 */
function quoted(item: string): string {
  return item.includes(" ") && !/^["']/.test(item) ? `"${item}"` : item;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** An empty list's name with the comma behind it, else the one before it. */
function withComma(text: string, { start, end }: Range, floor: number): Range {
  const after = /^\s*,\s*/.exec(text.slice(end, end + 100));
  if (after !== null) return { start, end: end + after[0].length };
  const before = /,\s*$/.exec(text.slice(floor, start));
  return before === null ? { start, end } : { start: start - before[0].length, end };
}
