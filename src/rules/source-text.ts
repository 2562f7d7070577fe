import type { Place } from "../lib/errors.ts";

/** A rules file and its lines. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
  /** Offsets at which its lines begin. */
  readonly lines: readonly number[];
}

/** Where the lines of a text begin. */
export function linesOf(text: string): readonly number[] {
  const lines = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.push(at + 1);
  return lines;
}

/** The place of a piece of a file, by its offset. */
export function placeAt(source: SourceText, offset: number, length = 1): Place {
  const at = Math.max(0, Math.min(offset, source.text.length));
  const line = lineAt(source.lines, at);
  return {
    source: source.name,
    line,
    column: at - (source.lines[line - 1] ?? 0) + 1,
    length: Math.max(1, length),
  };
}

/** The number of the line that an offset is in, from 1. */
function lineAt(lines: readonly number[], offset: number): number {
  let [low, high] = [0, lines.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

interface Piece {
  /** Where the piece starts in the text. */
  readonly start: number;
  readonly source: SourceText;
  /** Offsets in the file of the piece's characters; one for all where a name was replaced. */
  readonly offsets: Int32Array | number;
}

/**
 * Text that was put together from files, which knows where in them each of its characters stands.
 */
export class MappedText {
  readonly text: string;
  readonly #pieces: readonly Piece[];

  constructor(text: string, pieces: readonly Piece[]) {
    this.text = text;
    this.#pieces = pieces;
  }

  /**
   * The text of a YAML scalar, whatever its style: its characters stand in the file in the same
   * order, between blanks and escapes.
   */
  static ofSpan(
    text: string,
    { start, end }: { readonly start: number; readonly end: number },
    source: SourceText,
  ): MappedText {
    const offsets = new Int32Array(text.length);
    let at = start;
    for (let index = 0; index < text.length; index += 1) {
      const char = text[index] ?? "";
      if (!/\s/.test(char)) {
        const found = source.text.indexOf(char, at);
        if (found >= 0 && found < end) at = found;
      }
      offsets[index] = at;
      if (at < end && (source.text[at] === char || /\s/.test(source.text[at] ?? ""))) at += 1;
    }
    return new MappedText(text, [{ start: 0, source, offsets }]);
  }

  /** Text that stands nowhere itself; it is placed at one offset. */
  static at(text: string, source: SourceText, offset: number): MappedText {
    return new MappedText(text, [{ start: 0, source, offsets: offset }]);
  }

  /** All parts in one, `between` them. */
  static join(parts: readonly MappedText[], between: string): MappedText {
    const pieces: Piece[] = [];
    let text = "";
    for (const [index, part] of parts.entries()) {
      if (index > 0) text += between;
      for (const piece of part.#pieces) pieces.push({ ...piece, start: piece.start + text.length });
      text += part.text;
    }
    return new MappedText(text, pieces);
  }

  /** A part of the text. */
  slice(start: number, end: number): MappedText {
    const pieces: Piece[] = [];
    for (const [index, piece] of this.#pieces.entries()) {
      const pieceEnd = this.#pieces[index + 1]?.start ?? this.text.length;
      const [from, to] = [Math.max(start, piece.start), Math.min(end, pieceEnd)];
      if (from >= to) continue;
      const offsets =
        typeof piece.offsets === "number"
          ? piece.offsets
          : piece.offsets.subarray(from - piece.start, to - piece.start);
      pieces.push({ start: from - start, source: piece.source, offsets });
    }
    return new MappedText(this.text.slice(start, end), pieces);
  }

  /** Without blanks and line breaks around it. */
  trimmed(): MappedText {
    const start = this.text.length - this.text.trimStart().length;
    return this.slice(start, Math.max(start, this.text.trimEnd().length));
  }

  /** The same place for other text: what a name was replaced with. */
  replacedBy(text: string): MappedText {
    const [piece] = this.#pieces;
    if (piece === undefined) return new MappedText(text, []);
    return MappedText.at(
      text,
      piece.source,
      typeof piece.offsets === "number" ? piece.offsets : (piece.offsets[0] ?? 0),
    );
  }

  /** Where a span of the text stands in its file. */
  place(start: number, end: number): Place | undefined {
    const piece = this.#pieces.findLast((candidate) => candidate.start <= start) ?? this.#pieces[0];
    if (piece === undefined) return undefined;
    const { offsets, source } = piece;
    if (typeof offsets === "number") return placeAt(source, offsets, end - start);
    const at = offsets[Math.min(start - piece.start, offsets.length - 1)] ?? 0;
    const last = offsets[Math.min(end - 1 - piece.start, offsets.length - 1)] ?? at;
    return placeAt(source, at, last - at + 1);
  }
}
