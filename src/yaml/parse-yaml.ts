import { Scanner } from "./_scanner.ts";
import type { Token } from "./_token.ts";
import type { YamlEntry, YamlNode } from "./node.ts";
import { YamlError } from "./yaml-error.ts";

/** Deepest nesting, as in yaml-cpp. */
const MAX_DEPTH = 500;

/**
 * The documents of a text, one after the other, as yaml-cpp reads them: it takes what Falco's
 * parser takes, and refuses what that refuses. Throws `YamlError` at the first thing that is not
 * YAML.
 */
export function* parseYaml(text: string): Generator<YamlNode, void> {
  const scanner = new Scanner(text);
  const directives = new Directives();
  for (;;) {
    directives.read(scanner);
    const first = scanner.peek();
    if (first === undefined) return;
    yield new DocumentParser(scanner).document();
    // Where nothing was read yaml-cpp begins again for ever.
    if (scanner.peek() === first)
      throw new YamlError("Text does not belong to what stands before", first.start);
  }
}

/** What stands before a document: `%YAML`, `%TAG`. */
class Directives {
  #hasVersion = false;
  readonly #handles = new Set<string>();

  read(scanner: Scanner): void {
    let isFirst = true;
    for (let token = scanner.peek(); token?.kind === "directive"; token = scanner.peek()) {
      if (isFirst) {
        this.#hasVersion = false;
        this.#handles.clear();
      }
      isFirst = false;
      this.#one(token);
      scanner.pop();
    }
  }

  #one({ text, start }: Token): void {
    const [name, ...values] = text.split(/[ \t]+/);
    const [value = ""] = values;
    if (name === "YAML") {
      if (values.length !== 1 || this.#hasVersion || !/^[01]\.\d+$/.test(value))
        throw new YamlError("%YAML needs one version, such as 1.2", start);
      this.#hasVersion = true;
    } else if (name === "TAG") {
      if (values.length !== 2 || this.#handles.has(value))
        throw new YamlError("%TAG needs a handle of its own and a prefix", start);
      this.#handles.add(value);
    }
  }
}

/** Reads the tokens of one document. */
class DocumentParser {
  readonly #scanner: Scanner;
  /** What anchors name; undefined while that is still being read. */
  readonly #anchors = new Map<string, YamlNode | undefined>();
  readonly #collections: string[] = [];
  #depth = 0;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  document(): YamlNode {
    if (this.#scanner.peek()?.kind === "document-start") this.#scanner.pop();
    const node = this.#node();
    while (this.#scanner.peek()?.kind === "document-end") this.#scanner.pop();
    return node;
  }

  #node(): YamlNode {
    const token = this.#scanner.peek();
    if (token === undefined) return nothingAt(this.#scanner.offset);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH)
      throw new YamlError(`YAML is nested more than ${MAX_DEPTH} levels deep`, token.start);
    const node =
      token.kind === "value"
        ? this.#pair(token)
        : token.kind === "alias"
          ? this.#alias(token)
          : this.#withProperties(token);
    this.#depth -= 1;
    return node;
  }

  #alias(token: Token): YamlNode {
    this.#scanner.pop();
    const node = this.#anchors.get(token.text);
    if (node !== undefined) return node;
    throw new YamlError(
      this.#anchors.has(token.text)
        ? `Alias "${token.text}" stands inside of what it names`
        : `Alias "${token.text}" names nothing`,
      token.start,
      `a text that begins with * must stand in quotes`,
    );
  }

  /** A node with its tag and anchor. */
  #withProperties(first: Token): YamlNode {
    const scanner = this.#scanner;
    let [tag, anchor]: (string | undefined)[] = [];
    for (let token = scanner.peek(); token !== undefined; token = scanner.peek()) {
      if (token.kind !== "tag" && token.kind !== "anchor") break;
      if ((token.kind === "tag" ? tag : anchor) !== undefined)
        throw new YamlError(`A second ${token.kind} of one value`, token.start);
      if (token.kind === "tag") tag = token.text;
      else anchor = token.text;
      if (anchor !== undefined) this.#anchors.set(anchor, undefined);
      scanner.pop();
    }
    const node = this.#content(tag, first);
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    return node;
  }

  #content(tag: string | undefined, first: Token): YamlNode {
    const scanner = this.#scanner;
    const token = scanner.peek();
    switch (token?.kind) {
      case "plain":
      case "quoted":
        scanner.pop();
        return scalarOf(token, tag);
      case "block-sequence-start":
        return this.#blockSequence(token);
      case "flow-sequence-start":
        return this.#flowSequence(token);
      case "block-map-start":
        return this.#blockMap(token);
      case "flow-map-start":
        return this.#flowMap(token);
      case "key":
        if (this.#collections.at(-1) === "flow-sequence") return this.#pair(token);
    }
    const at = first.start;
    // With a tag nothing is an empty text, but at the end.
    return tag === undefined || token === undefined
      ? nothingAt(at)
      : { kind: "scalar", text: "", isNull: false, isQuoted: false, start: at, end: at };
  }

  #blockSequence(open: Token): YamlNode {
    const scanner = this.#scanner;
    scanner.pop();
    this.#collections.push("block-sequence");
    const items: YamlNode[] = [];
    for (;;) {
      const token = scanner.pop();
      if (token?.kind === "block-sequence-end") {
        this.#collections.pop();
        return { kind: "sequence", items, start: open.start, end: token.start };
      }
      if (token?.kind !== "block-entry")
        throw new YamlError(
          "An entry of the list must begin with a dash here",
          token?.start ?? scanner.offset,
          "all dashes of one list stand in one column",
        );
      const next = scanner.peek();
      const isEmpty = next?.kind === "block-entry" || next?.kind === "block-sequence-end";
      items.push(isEmpty ? nothingAt(next.start) : this.#node());
    }
  }

  #flowSequence(open: Token): YamlNode {
    const scanner = this.#scanner;
    scanner.pop();
    this.#collections.push("flow-sequence");
    const items: YamlNode[] = [];
    for (;;) {
      if (scanner.peek()?.kind !== "flow-sequence-end") {
        this.#requireMore(open, "]");
        items.push(this.#node());
      }
      const token = scanner.peek();
      if (token?.kind === "flow-sequence-end") {
        scanner.pop();
        this.#collections.pop();
        return { kind: "sequence", items, start: open.start, end: token.end };
      }
      if (token?.kind !== "flow-entry") throw this.#missingComma(open, token, "]");
      scanner.pop();
    }
  }

  #blockMap(open: Token): YamlNode {
    const scanner = this.#scanner;
    scanner.pop();
    this.#collections.push("block-map");
    const entries: YamlEntry[] = [];
    for (;;) {
      const token = scanner.peek();
      if (token?.kind === "block-map-end") {
        scanner.pop();
        this.#collections.pop();
        return { kind: "map", entries, start: open.start, end: token.start };
      }
      if (token?.kind !== "key" && token?.kind !== "value")
        throw new YamlError(
          "A key of the map must stand here, with a colon behind it",
          token?.start ?? scanner.offset,
          "all keys of one map stand in one column; a text of several lines is indented further",
        );
      entries.push(this.#entry(token));
    }
  }

  #flowMap(open: Token): YamlNode {
    const scanner = this.#scanner;
    scanner.pop();
    this.#collections.push("flow-map");
    const entries: YamlEntry[] = [];
    for (;;) {
      const first = scanner.peek();
      if (first === undefined) this.#requireMore(open, "}");
      if (first !== undefined && first.kind !== "flow-map-end") entries.push(this.#entry(first));
      const token = scanner.peek();
      if (token?.kind === "flow-map-end") {
        scanner.pop();
        this.#collections.pop();
        return { kind: "map", entries, start: open.start, end: token.end };
      }
      if (token?.kind !== "flow-entry") throw this.#missingComma(open, token, "}");
      scanner.pop();
    }
  }

  /** One key and its value in a list in brackets: `[a: b]`. */
  #pair(first: Token): YamlNode {
    this.#collections.push("pair");
    const entry = this.#entry(first);
    this.#collections.pop();
    return { kind: "map", entries: [entry], start: first.start, end: entry.value.end };
  }

  /** Either of the two may be nothing. */
  #entry(first: Token): YamlEntry {
    const scanner = this.#scanner;
    if (first.kind === "key") scanner.pop();
    const key = first.kind === "key" ? this.#node() : nothingAt(first.start);
    if (scanner.peek()?.kind !== "value") return { key, value: nothingAt(first.start) };
    scanner.pop();
    return { key, value: this.#node() };
  }

  #requireMore(open: Token, close: string): void {
    if (this.#scanner.peek() === undefined) throw this.#missingComma(open, undefined, close);
  }

  #missingComma(open: Token, token: Token | undefined, close: string): YamlError {
    if (token === undefined)
      return new YamlError(`The bracket is never closed`, open.start, `"${close}" is missing`);
    return new YamlError(
      `"," or "${close}" must stand here`,
      token.start,
      "what holds a comma, a bracket or a colon must stand in quotes",
    );
  }
}

function nothingAt(at: number): YamlNode {
  return { kind: "scalar", text: "", isNull: true, isQuoted: false, start: at, end: at };
}

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);

function scalarOf({ kind, text, start, end }: Token, tag: string | undefined): YamlNode {
  const isQuoted = kind === "quoted";
  const isNull = !isQuoted && tag === undefined && NULLS.has(text);
  return { kind: "scalar", text, isNull, isQuoted, start, end };
}
