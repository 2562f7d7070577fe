/** A place in a text, with its column. Characters are UTF-16 units; the text's end is the empty text. */
export class Cursor {
  readonly text: string;
  /** Hot: the next character's offset. */
  at: number;
  line = 0;
  #lineStart: number;
  /** The character that ends lines: of both kinds the one that comes first, as yaml-cpp has it. */
  readonly #newline: string;

  constructor(text: string) {
    this.text = text;
    this.at = text.startsWith("\uFEFF") ? 1 : 0;
    this.#lineStart = this.at;
    const first = /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
    this.#newline = first === "\r" ? "\r" : "\n";
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  get column(): number {
    return this.at - this.#lineStart;
  }

  /** The character so many behind the next one. */
  peek(ahead = 0): string {
    return this.text.charAt(this.at + ahead);
  }

  /** Passes over characters. */
  eat(count: number): void {
    for (let left = count; left > 0 && !this.isAtEnd; left -= 1) {
      this.at += 1;
      if (this.text.charAt(this.at - 1) !== this.#newline) continue;
      this.#lineStart = this.at;
      this.line += 1;
    }
  }

  /** At the end a line ends, too. */
  resetColumn(): void {
    this.#lineStart = this.at;
  }

  /** How long the line break is that stands here: 0 when there is none. */
  breakLength(ahead = 0): number {
    const char = this.peek(ahead);
    if (char === "\n") return 1;
    return char === "\r" ? (this.peek(ahead + 1) === "\n" ? 2 : 1) : 0;
  }

  isBlank(ahead = 0): boolean {
    const char = this.peek(ahead);
    return char === " " || char === "\t";
  }

  isBlankOrBreak(ahead = 0): boolean {
    return this.isBlank(ahead) || this.breakLength(ahead) > 0;
  }

  /** A blank, a break, or the end of the text. */
  isGap(ahead = 0): boolean {
    return this.at + ahead >= this.text.length || this.isBlankOrBreak(ahead);
  }

  /** `---` or `...`, alone or before a blank, at the start of a line. */
  isDocumentMark(mark?: "---" | "..."): boolean {
    if (this.column !== 0 || !this.isGap(3)) return false;
    const word = this.text.slice(this.at, this.at + 3);
    return mark === undefined ? word === "---" || word === "..." : word === mark;
  }

  /** Passes over what is left of the line, but its break. */
  eatLine(): void {
    const rest = /[\r\n]/g;
    rest.lastIndex = this.at;
    this.at = rest.exec(this.text)?.index ?? this.text.length;
  }
}
