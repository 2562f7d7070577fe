import { Cursor } from "./_cursor.ts";
import { scanScalar } from "./_scalar.ts";
import { blockPlain, blockScalar, FLOW_PLAIN, QUOTED } from "./_scalar-styles.ts";
import { scanTag } from "./_tag.ts";
import type { Token, TokenKind } from "./_token.ts";
import { YamlError } from "./yaml-error.ts";

interface Indent {
  readonly column: number;
  readonly kind: "sequence" | "map" | "none";
  status: "valid" | "unverified" | "invalid";
  readonly token: Token | undefined;
}

/** What will have been a key if a colon follows in its line. */
interface SimpleKey {
  readonly at: number;
  readonly line: number;
  readonly flowLevel: number;
  readonly indent: Indent | undefined;
  readonly key: Token;
}

/** Longest key that need not begin with a question mark. */
const MAX_SIMPLE_KEY = 1024;

/**
 * Splits a text into tokens as yaml-cpp does (jbeder/yaml-cpp, the parser of Falco's rules), which
 * takes some things that the YAML specification does not, and the other way round. Throws
 * `YamlError`.
 */
export class Scanner {
  readonly #cursor: Cursor;
  readonly #tokens: Token[] = [];
  #first = 0;
  readonly #indents: Indent[] = [{ column: -1, kind: "none", status: "valid", token: undefined }];
  readonly #simpleKeys: SimpleKey[] = [];
  readonly #flows: ("[" | "{")[] = [];
  #isSimpleKeyAllowed = true;
  /** After a quoted text none may follow in its line. */
  #isScalarAllowed = true;
  /** Behind a quoted text or a closed bracket a colon needs no blank. */
  #isJsonLike = false;
  #isEnded = false;

  constructor(text: string) {
    this.#cursor = new Cursor(text);
  }

  /** The next token, which stays; undefined at the end. */
  peek(): Token | undefined {
    for (;;) {
      const token = this.#tokens[this.#first];
      if (token?.status === "valid") return token;
      if (token?.status === "invalid") this.#shift();
      else if (this.#isEnded) return token;
      else this.#scan();
    }
  }

  /** Takes the next token away. */
  pop(): Token | undefined {
    const token = this.peek();
    if (token !== undefined) this.#shift();
    return token;
  }

  get offset(): number {
    return this.#cursor.at;
  }

  #shift(): void {
    this.#first += 1;
    if (this.#first < 1024) return;
    this.#tokens.splice(0, this.#first);
    this.#first = 0;
  }

  #scan(): void {
    const cursor = this.#cursor;
    this.#toNextToken();
    this.#popIndentToHere();
    if (cursor.isAtEnd) return this.#end();
    if (cursor.column === 0 && cursor.peek() === "%") return this.#directive();
    if (cursor.isDocumentMark("---")) return this.#documentMark("document-start");
    if (cursor.isDocumentMark("...")) return this.#documentMark("document-end");
    const char = cursor.peek();
    if (char === "[" || char === "{") return this.#flowStart(char);
    if (char === "]" || char === "}") return this.#flowEnd(char);
    if (char === ",") return this.#flowEntry();
    if (char === "-" && cursor.isGap(1)) return this.#blockEntry();
    if (char === "?" && cursor.isBlankOrBreak(1)) return this.#key();
    if (char === ":" && this.#isValueMark()) return this.#value();
    if (char === "*" || char === "&") return this.#anchorOrAlias(char);
    if (char === "!") return this.#tag();
    if (this.#isInBlock && (char === "|" || char === ">")) return this.#blockScalar(char);
    if (!this.#isScalarAllowed)
      throw new YamlError(
        "Text cannot follow a quoted text",
        cursor.at,
        "put quotes around all of it, or a comma between",
      );
    if (char === '"' || char === "'") return this.#quoted(char);
    if (this.#isPlainStart()) return this.#plain();
    throw new YamlError(`"${char}" cannot begin a text`, cursor.at, "put it in quotes");
  }

  get #isInBlock(): boolean {
    return this.#flows.length === 0;
  }

  #toNextToken(): void {
    const cursor = this.#cursor;
    for (;;) {
      while (cursor.isBlank()) {
        // What a tab indents is no key any more.
        if (this.#isInBlock && cursor.peek() === "\t") this.#isSimpleKeyAllowed = false;
        cursor.eat(1);
      }
      if (cursor.peek() === "#") cursor.eatLine();
      const length = cursor.breakLength();
      if (length === 0) return;
      cursor.eat(length);
      this.#invalidateSimpleKey();
      this.#isScalarAllowed = true;
      if (this.#isInBlock) this.#isSimpleKeyAllowed = true;
    }
  }

  #push(
    kind: TokenKind,
    start: number,
    { text = "", status = "valid" }: Partial<Pick<Token, "text" | "status">> = {},
  ): Token {
    const token: Token = { kind, start, end: this.#cursor.at, text, status };
    this.#tokens.push(token);
    return token;
  }

  #end(): void {
    this.#cursor.resetColumn();
    this.#popAllIndents();
    this.#simpleKeys.length = 0;
    this.#isSimpleKeyAllowed = false;
    this.#isScalarAllowed = false;
    this.#isEnded = true;
  }

  // --- indentation ---

  #pushIndent(
    column: number,
    kind: "sequence" | "map",
    status: Indent["status"],
  ): Indent | undefined {
    if (!this.#isInBlock) return undefined;
    const last = this.#indents.at(-1);
    const isDeeper = last === undefined || column > last.column;
    const isSequenceOfKey = column === last?.column && kind === "sequence" && last.kind === "map";
    if (!isDeeper && !isSequenceOfKey) return undefined;
    const token = this.#push(`block-${kind}-start`, this.#cursor.at, { status });
    const indent: Indent = { column, kind, status, token };
    this.#indents.push(indent);
    return indent;
  }

  #popIndentToHere(): void {
    if (!this.#isInBlock) return;
    const cursor = this.#cursor;
    const isEntry = cursor.peek() === "-" && cursor.isGap(1);
    for (let top = this.#indents.at(-1); top !== undefined; top = this.#indents.at(-1)) {
      if (top.column < cursor.column) break;
      if (top.column === cursor.column && !(top.kind === "sequence" && !isEntry)) break;
      this.#popIndent();
    }
    while (this.#indents.at(-1)?.status === "invalid") this.#popIndent();
  }

  #popAllIndents(): void {
    if (!this.#isInBlock) return;
    for (let top = this.#indents.at(-1); top !== undefined; top = this.#indents.at(-1)) {
      if (top.kind === "none") return;
      this.#popIndent();
    }
  }

  #popIndent(): void {
    const indent = this.#indents.pop();
    if (indent === undefined) return;
    if (indent.status !== "valid") this.#invalidateSimpleKey();
    else if (indent.kind !== "none") this.#push(`block-${indent.kind}-end`, this.#cursor.at);
  }

  // --- keys ---

  #insertSimpleKey(): void {
    const cursor = this.#cursor;
    const flowLevel = this.#flows.length;
    if (!this.#isSimpleKeyAllowed || this.#simpleKeys.at(-1)?.flowLevel === flowLevel) return;
    const indent = this.#pushIndent(cursor.column, "map", "unverified");
    const key = this.#push("key", cursor.at, { status: "unverified" });
    this.#simpleKeys.push({ at: cursor.at, line: cursor.line, flowLevel, indent, key });
  }

  #invalidateSimpleKey(): void {
    const key = this.#simpleKeys.at(-1);
    if (key === undefined || key.flowLevel !== this.#flows.length) return;
    settle(key, "invalid");
    this.#simpleKeys.pop();
  }

  #verifySimpleKey(): boolean {
    const key = this.#simpleKeys.at(-1);
    if (key === undefined || key.flowLevel !== this.#flows.length) return false;
    this.#simpleKeys.pop();
    const isValid = this.#cursor.line === key.line && this.#cursor.at - key.at <= MAX_SIMPLE_KEY;
    settle(key, isValid ? "valid" : "invalid");
    return isValid;
  }

  // --- one kind of token each ---

  #directive(): void {
    const cursor = this.#cursor;
    this.#popAllIndents();
    this.#simpleKeys.length = 0;
    this.#isSimpleKeyAllowed = false;
    this.#isJsonLike = false;
    const start = cursor.at;
    cursor.eatLine();
    const text = cursor.text.slice(start + 1, cursor.at);
    this.#push("directive", start, { text: text.replace(/(^|[ \t]+)#.*$/, "").trimEnd() });
  }

  #documentMark(kind: "document-start" | "document-end"): void {
    this.#popAllIndents();
    this.#simpleKeys.length = 0;
    this.#isSimpleKeyAllowed = false;
    this.#isJsonLike = false;
    const start = this.#cursor.at;
    this.#cursor.eat(3);
    this.#push(kind, start);
  }

  #flowStart(char: "[" | "{"): void {
    this.#insertSimpleKey();
    this.#isSimpleKeyAllowed = true;
    this.#isJsonLike = false;
    const start = this.#cursor.at;
    this.#cursor.eat(1);
    this.#flows.push(char);
    this.#push(char === "[" ? "flow-sequence-start" : "flow-map-start", start);
  }

  #flowEnd(char: "]" | "}"): void {
    const start = this.#cursor.at;
    if (this.#isInBlock)
      throw new YamlError(
        `"${char}" closes nothing`,
        start,
        "a text that begins so must stand in quotes",
      );
    this.#endFlowEntry();
    this.#isSimpleKeyAllowed = false;
    this.#isJsonLike = true;
    const open = this.#flows.at(-1);
    if ((char === "]") !== (open === "["))
      throw new YamlError(`"${char}" closes "${open ?? ""}"`, start);
    this.#cursor.eat(1);
    this.#flows.pop();
    this.#push(char === "]" ? "flow-sequence-end" : "flow-map-end", start);
  }

  /** A key alone in braces has nothing as its value; in brackets it is none. */
  #endFlowEntry(): void {
    const open = this.#flows.at(-1);
    if (open === "{" && this.#verifySimpleKey()) this.#push("value", this.#cursor.at);
    else if (open === "[") this.#invalidateSimpleKey();
  }

  #flowEntry(): void {
    const cursor = this.#cursor;
    if (cursor.column === 0)
      throw new YamlError(
        "A line cannot begin with a comma",
        cursor.at,
        "put it at the end of the line before",
      );
    if (!this.#isScalarAllowed)
      throw new YamlError("A comma cannot follow a quoted text here", cursor.at);
    this.#endFlowEntry();
    this.#isSimpleKeyAllowed = true;
    this.#isJsonLike = false;
    const start = cursor.at;
    cursor.eat(1);
    this.#push("flow-entry", start);
  }

  #blockEntry(): void {
    const cursor = this.#cursor;
    if (!this.#isInBlock)
      throw new YamlError(
        "A dash cannot begin an entry inside brackets",
        cursor.at,
        "close the brackets before, or separate entries with commas",
      );
    if (!this.#isSimpleKeyAllowed)
      throw new YamlError(
        "A dash cannot begin an entry here",
        cursor.at,
        "begin it in a line of its own, indented with blanks",
      );
    this.#pushIndent(cursor.column, "sequence", "valid");
    this.#isSimpleKeyAllowed = true;
    this.#isJsonLike = false;
    const start = cursor.at;
    cursor.eat(1);
    this.#push("block-entry", start);
  }

  #key(): void {
    const cursor = this.#cursor;
    if (this.#isInBlock) {
      if (!this.#isSimpleKeyAllowed) throw new YamlError("A key cannot begin here", cursor.at);
      this.#pushIndent(cursor.column, "map", "valid");
    }
    this.#isSimpleKeyAllowed = this.#isInBlock;
    const start = cursor.at;
    cursor.eat(1);
    this.#push("key", start);
  }

  #isValueMark(): boolean {
    const cursor = this.#cursor;
    if (this.#isInBlock) return cursor.isGap(1);
    return this.#isJsonLike || cursor.isBlankOrBreak(1) || FLOW_VALUE_END.has(cursor.peek(1));
  }

  #value(): void {
    const cursor = this.#cursor;
    const isSimpleKey = this.#verifySimpleKey();
    this.#isJsonLike = false;
    if (isSimpleKey) this.#isSimpleKeyAllowed = false;
    else {
      if (this.#isInBlock) {
        if (!this.#isSimpleKeyAllowed)
          throw new YamlError(
            "A colon with a blank behind it stands where no key can be",
            cursor.at,
            "put a text that holds it in quotes; all keys of one map stand in one column",
          );
        this.#pushIndent(cursor.column, "map", "valid");
      }
      this.#isSimpleKeyAllowed = this.#isInBlock;
    }
    this.#isScalarAllowed = true;
    const start = cursor.at;
    cursor.eat(1);
    this.#push("value", start);
  }

  #anchorOrAlias(mark: "*" | "&"): void {
    const cursor = this.#cursor;
    this.#insertSimpleKey();
    this.#isSimpleKeyAllowed = false;
    this.#isJsonLike = false;
    const start = cursor.at;
    cursor.eat(1);
    while (!cursor.isGap() && !FLOW_MARKS.has(cursor.peek())) cursor.eat(1);
    const name = cursor.text.slice(start + 1, cursor.at);
    const what = mark === "*" ? "alias" : "anchor";
    if (name === "" || !(cursor.isGap() || AFTER_ANCHOR.has(cursor.peek())))
      throw new YamlError(
        name === ""
          ? `"${mark}" needs the name of an ${what}`
          : `"${cursor.peek()}" cannot stand in the name of an ${what}`,
        start,
        `put a text that begins with ${mark} in quotes`,
      );
    this.#push(what, start, { text: name });
  }

  #tag(): void {
    this.#insertSimpleKey();
    this.#isSimpleKeyAllowed = false;
    this.#isJsonLike = false;
    const start = this.#cursor.at;
    const text = scanTag(this.#cursor);
    this.#push("tag", start, { text });
  }

  #isPlainStart(): boolean {
    const cursor = this.#cursor;
    const char = cursor.peek();
    if (cursor.isBlankOrBreak() || NO_PLAIN_START.has(char)) return false;
    if (this.#isInBlock) return !("-?:".includes(char) && cursor.isGap(1));
    if (char === "?") return false;
    return !("-:".includes(char) && (cursor.isBlank(1) || cursor.at + 1 >= cursor.text.length));
  }

  #plain(): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const style = this.#isInBlock ? blockPlain(this.#topIndent() + 1) : FLOW_PLAIN;
    this.#insertSimpleKey();
    const { text, leadingSpaces } = scanScalar(cursor, style);
    this.#isSimpleKeyAllowed = leadingSpaces;
    this.#isJsonLike = false;
    this.#push("plain", start, { text });
  }

  #quoted(quote: "'" | '"'): void {
    const cursor = this.#cursor;
    this.#insertSimpleKey();
    const start = cursor.at;
    cursor.eat(1);
    const { text } = scanScalar(cursor, QUOTED[quote]);
    this.#isSimpleKeyAllowed = false;
    this.#isScalarAllowed = !this.#isInBlock;
    this.#isJsonLike = true;
    this.#push("quoted", start, { text });
  }

  #blockScalar(mark: "|" | ">"): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const style = blockScalar(cursor, mark, this.#topIndent());
    const { text } = scanScalar(cursor, style);
    this.#isSimpleKeyAllowed = true;
    this.#isJsonLike = false;
    this.#push("quoted", start, { text });
  }

  #topIndent(): number {
    return this.#indents.at(-1)?.column ?? 0;
  }
}

function settle({ indent, key }: SimpleKey, status: "valid" | "invalid"): void {
  if (indent !== undefined) {
    indent.status = status;
    if (indent.token !== undefined) indent.token.status = status;
  }
  key.status = status;
}

const FLOW_MARKS: ReadonlySet<string> = new Set("[]{},");
const FLOW_VALUE_END: ReadonlySet<string> = new Set(",]}");
const AFTER_ANCHOR: ReadonlySet<string> = new Set("?:,]}%@`");
const NO_PLAIN_START: ReadonlySet<string> = new Set(",[]{}#&*!|>'\"%@`");
