import type { Cursor } from "./_cursor.ts";
import { escaped } from "./_escape.ts";
import { YamlError } from "./yaml-error.ts";

/** How a scalar is read: where it ends, and what becomes of its lines. */
export interface ScalarStyle {
  /** Length of the end that stands at the cursor; undefined where none does. */
  readonly end?: (cursor: Cursor) => number | undefined;
  /** Of a quoted text, whose end must be there. */
  readonly quote?: "'" | '"';
  /** Lines that begin before this column end it. */
  readonly indent: number;
  /** The first line that holds something decides the indentation. */
  readonly detectsIndent?: true;
  /** How lines become one: as in plain and quoted texts, as behind `>`, not at all. */
  readonly fold: "flow" | "block" | "none";
  readonly chomp: "strip" | "clip" | "keep";
}

/**
 * Reads one scalar from the cursor on, line by line. `leadingSpaces`: it ended because the next
 * line begins further left.
 */
export function scanScalar(
  cursor: Cursor,
  style: ScalarStyle,
): { readonly text: string; readonly leadingSpaces: boolean } {
  const scan = new ScalarScan(cursor, style);
  while (!cursor.isAtEnd && scan.line() && scan.nextLine());
  return { text: scan.finished(), leadingSpaces: scan.leadingSpaces };
}

/** Reads the lines of one scalar: first what stands in a line, then its end and the next one's indentation. */
class ScalarScan {
  leadingSpaces = false;
  readonly #cursor: Cursor;
  readonly #style: ScalarStyle;
  readonly #start: number;
  #text = "";
  #indent: number;
  /** How much of the text stays when blanks at its end go. */
  #solid = 0;
  /** How much of the text stays for what was escaped in it, whatever that is. */
  #escapeEnd = 0;
  #hasContent = false;
  #isPastFirstBreak: boolean;
  #isEmptyLine = false;
  #isIndentedMore = false;
  #foldedBreaks = 0;
  #foldBeganIndented = false;
  #isBreakEscaped = false;

  constructor(cursor: Cursor, style: ScalarStyle) {
    this.#cursor = cursor;
    this.#style = style;
    this.#start = cursor.at;
    this.#indent = style.indent;
    this.#isPastFirstBreak = style.fold === "flow";
  }

  /** Reads to the end of the line; false when the scalar ends in it. */
  line(): boolean {
    const cursor = this.#cursor;
    this.#solid = this.#text.length;
    this.#isBreakEscaped = false;
    while (!cursor.isAtEnd && this.#endLength() === undefined && cursor.breakLength() === 0) {
      if (cursor.isDocumentMark() && this.#endsAtDocumentMark()) break;
      this.#hasContent = true;
      this.#isPastFirstBreak = true;
      if (this.#style.quote === '"' && cursor.peek() === "\\" && cursor.breakLength(1) > 0) {
        cursor.eat(1);
        this.#keepEscaped("");
        this.#isBreakEscaped = true;
        break;
      }
      this.#character();
    }
    return !this.#endsHere();
  }

  #character(): void {
    const cursor = this.#cursor;
    const char = cursor.peek();
    if ((this.#style.quote === "'" && char === "'") || (this.#style.quote === '"' && char === "\\"))
      return this.#keepEscaped(escaped(cursor));
    cursor.eat(1);
    this.#text += char;
    if (char !== " " && char !== "\t") this.#solid = this.#text.length;
  }

  #keepEscaped(text: string): void {
    this.#text += text;
    this.#solid = this.#text.length;
    this.#escapeEnd = this.#text.length + 1;
  }

  #endLength(): number | undefined {
    return this.#style.end?.(this.#cursor);
  }

  /** Of a plain text a new document is the end, of a quoted one an error. */
  #endsAtDocumentMark(): boolean {
    if (this.#style.quote !== undefined)
      throw new YamlError("A new document begins inside a quoted text", this.#cursor.at);
    return this.#style.fold === "flow";
  }

  #endsHere(): boolean {
    const cursor = this.#cursor;
    const { quote, fold } = this.#style;
    if (cursor.isAtEnd) {
      if (quote !== undefined)
        throw new YamlError("Quoted text does not end", this.#start - 1, `close it with ${quote}`);
      return true;
    }
    if (quote === undefined && fold === "flow" && cursor.isDocumentMark()) return true;
    const length = this.#endLength();
    if (length === undefined) return false;
    if (quote !== undefined) cursor.eat(length);
    return true;
  }

  /** The break, and the next line's indentation; false when that line is no part of the scalar. */
  nextLine(): boolean {
    const cursor = this.#cursor;
    if (this.#style.fold === "flow") this.#text = this.#text.slice(0, this.#solid);
    cursor.eat(cursor.breakLength());
    this.#eatIndentation();
    const isEmpty = cursor.breakLength() > 0;
    const isIndentedMore = cursor.isBlank();
    if (this.#style.fold === "block" && this.#foldedBreaks === 0 && isEmpty)
      this.#foldBeganIndented = this.#isIndentedMore;
    if (this.#isPastFirstBreak) this.#join(isEmpty, isIndentedMore);
    this.#isEmptyLine = isEmpty;
    this.#isIndentedMore = isIndentedMore;
    this.#isPastFirstBreak = true;
    this.leadingSpaces = !isEmpty && cursor.column < this.#indent;
    return !this.leadingSpaces;
  }

  #eatIndentation(): void {
    const cursor = this.#cursor;
    const { detectsIndent, fold, quote } = this.#style;
    const isDetecting = detectsIndent === true && !this.#hasContent;
    const limit = isDetecting ? Number.POSITIVE_INFINITY : this.#indent;
    while (cursor.peek() === " " && cursor.column < limit && this.#endLength() === undefined)
      cursor.eat(1);
    if (isDetecting) this.#indent = Math.max(this.#indent, cursor.column);
    while (cursor.isBlank()) {
      if (cursor.peek() === "\t" && cursor.column < this.#indent && quote === undefined)
        throw new YamlError("Tab in the indentation", cursor.at, "indent with blanks");
      if (fold !== "flow" || this.#endLength() !== undefined) break;
      cursor.eat(1);
    }
  }

  #join(isEmpty: boolean, isIndentedMore: boolean): void {
    switch (this.#style.fold) {
      case "none":
        this.#text += "\n";
        return;
      case "flow":
        if (isEmpty) this.#text += "\n";
        else if (!this.#isEmptyLine && !this.#isBreakEscaped) this.#text += " ";
        return;
      case "block":
        this.#fold(isEmpty, isIndentedMore);
    }
  }

  #fold(isEmpty: boolean, isIndentedMore: boolean): void {
    const isPlainLine =
      !this.#isEmptyLine &&
      !isEmpty &&
      !this.#isIndentedMore &&
      !isIndentedMore &&
      this.#cursor.column >= this.#indent;
    if (isPlainLine) this.#text += " ";
    else if (isEmpty) this.#foldedBreaks += 1;
    else this.#text += "\n";
    if (isEmpty || this.#foldedBreaks === 0) return;
    this.#text += "\n".repeat(this.#foldedBreaks - 1);
    if (this.#foldBeganIndented || isIndentedMore || !this.#hasContent) this.#text += "\n";
    this.#foldedBreaks = 0;
  }

  /** The text without what is cut off its end. */
  finished(): string {
    const { quote, fold, chomp } = this.#style;
    let text = this.#text;
    if (fold === "flow" && quote === undefined)
      text = text.slice(0, Math.max(text.replace(/[ \t]+$/, "").length, this.#escapeEnd));
    if (chomp === "keep") return text;
    const solid = Math.max(text.replace(/\n+$/, "").length, this.#escapeEnd);
    if (solid === 0) return "";
    return text.slice(0, chomp === "strip" ? solid : solid + 1);
  }
}
