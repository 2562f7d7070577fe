import { styleText } from "node:util";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import { escaped } from "../reports/escaped.ts";

type Style = Parameters<typeof styleText>[0];

/** A piece of a text in a colour. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}

/** A part of a line, with a colour or without. */
export type Piece = string | Painted;

/** A piece of what is printed, in a colour where colours are. */
export function painted(style: Style, text: string): Painted {
  return { style, text };
}

/**
 * A line on standard output, or several. Whatever stands in it, a file's name, a rule's, a
 * container's or a program's: what no eye sees is written out (`\u001b`), so that it moves no
 * cursor and turns no text.
 */
export function printLine(...pieces: readonly Piece[]): void {
  process.stdout.write(`${textOf(pieces, process.stdout)}\n`);
}

/** The same on standard error: notes, and what is beside the result. */
export function printAside(...pieces: readonly Piece[]): void {
  process.stderr.write(`${textOf(pieces, process.stderr)}\n`);
}

/** A value as JSON on standard output, in one line unless `indent` says otherwise. */
export function printJson(value: unknown, indent?: number): void {
  const lines = JSON.stringify(value, undefined, indent).split("\n");
  process.stdout.write(`${lines.map(escapeUnseen).join("\n")}\n`);
}

/** The text with nothing unseen in it but ends of lines. */
export function linesEscaped(text: string): string {
  return text.split("\n").map(escaped).join("\n");
}

function textOf(pieces: readonly Piece[], stream: NodeJS.WriteStream): string {
  return pieces
    .map((piece) =>
      typeof piece === "string"
        ? linesEscaped(piece)
        : styleText(piece.style, linesEscaped(piece.text), { stream }),
    )
    .join("");
}
