import type { Cursor } from "./_cursor.ts";
import type { ScalarStyle } from "./_scalar.ts";
import { YamlError } from "./yaml-error.ts";

/** A text without quotes outside of brackets, whose further lines have so many blanks before them. */
export function blockPlain(indent: number): ScalarStyle {
  return { end: endOfPlain, indent, fold: "flow", chomp: "strip" };
}

/**
 * A text in lines (`|` or `>`): takes its header, which says how it is indented and what becomes of
 * its last line breaks. Throws `YamlError`.
 */
export function blockScalar(cursor: Cursor, mark: "|" | ">", topIndent: number): ScalarStyle {
  const start = cursor.at;
  const [, first = "", second = ""] =
    /^[|>](?:([+-])(\d)?|(\d)([+-])?)?/
      .exec(cursor.text.slice(start, start + 3))
      ?.filter((part, index) => index === 0 || part !== undefined) ?? [];
  const signs = first + second;
  if (signs.includes("0")) throw new YamlError("Indentation of a text in lines cannot be 0", start);
  cursor.eat(1 + signs.length);
  while (cursor.isBlank()) cursor.eat(1);
  if (cursor.peek() === "#") cursor.eatLine();
  if (!cursor.isAtEnd && cursor.breakLength() === 0)
    throw new YamlError(
      `Text behind "${mark}" begins in the next line`,
      cursor.at,
      `put a text that begins with ${mark} in quotes`,
    );
  const digit = /\d/.exec(signs)?.[0];
  return {
    indent: Number(digit ?? 1) + Math.max(0, topIndent),
    ...(digit === undefined ? { detectsIndent: true } : {}),
    fold: mark === ">" ? "block" : "none",
    chomp: signs.includes("+") ? "keep" : signs.includes("-") ? "strip" : "clip",
  };
}

/** A colon with a blank behind it, or a comment with a blank before it. */
function endOfPlain(cursor: Cursor): number | undefined {
  const char = cursor.peek();
  if (char === ":") return cursor.isGap(1) ? 1 : undefined;
  return endsAtComment(cursor) ? 1 : undefined;
}

function endOfFlowPlain(cursor: Cursor): number | undefined {
  const char = cursor.peek();
  if (FLOW_PLAIN_END.has(char)) return 1;
  if (char === ":") return cursor.isGap(1) || FLOW_VALUE_END.has(cursor.peek(1)) ? 1 : undefined;
  return endsAtComment(cursor) ? 1 : undefined;
}

function endsAtComment(cursor: Cursor): boolean {
  if (cursor.isBlank()) return cursor.peek(1) === "#";
  const length = cursor.breakLength();
  return length > 0 && cursor.peek(length) === "#";
}

/** A text in quotes, by the quote. */
export const QUOTED = {
  "'": {
    end: (cursor: Cursor) => (cursor.peek() === "'" && cursor.peek(1) !== "'" ? 1 : undefined),
    quote: "'",
    indent: 0,
    fold: "flow",
    chomp: "clip",
  },
  '"': {
    end: (cursor: Cursor) => (cursor.peek() === '"' ? 1 : undefined),
    quote: '"',
    indent: 0,
    fold: "flow",
    chomp: "clip",
  },
} as const satisfies Readonly<Record<string, ScalarStyle>>;

/** A text without quotes within brackets. */
export const FLOW_PLAIN: ScalarStyle = {
  end: endOfFlowPlain,
  indent: 0,
  fold: "flow",
  chomp: "strip",
};

const FLOW_VALUE_END: ReadonlySet<string> = new Set(",]}");
const FLOW_PLAIN_END: ReadonlySet<string> = new Set(",?[]{}");
