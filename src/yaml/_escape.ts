import type { Cursor } from "./_cursor.ts";
import { YamlError } from "./yaml-error.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\u0007",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\u001B",
  " ": " ",
  '"': '"',
  "'": "'",
  "\\": "\\",
  "/": "/",
  N: "\u0085",
  _: "\u00A0",
  L: "\u2028",
  P: "\u2029",
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Passes over what is escaped at the cursor, and what it stands for. */
export function escaped(cursor: Cursor): string {
  const start = cursor.at;
  const mark = cursor.peek();
  const char = cursor.peek(1);
  cursor.eat(2);
  if (mark === "'") return "'";
  const plain = ESCAPES[char];
  if (plain !== undefined) return plain;
  const digits = HEX_DIGITS[char];
  if (digits === undefined)
    throw new YamlError(
      `Unknown escape "\\${char}"`,
      start,
      "in double quotes a backslash is written twice; single quotes take it as it is",
    );
  const text = cursor.text.slice(cursor.at, cursor.at + digits);
  if (!/^[0-9a-fA-F]+$/.test(text) || text.length < digits)
    throw new YamlError(`"\\${char}" must have ${digits} hexadecimal digits`, start);
  const code = Number.parseInt(text, 16);
  if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff))
    throw new YamlError(`"\\${char}${text}" is no character`, start);
  cursor.eat(digits);
  return String.fromCodePoint(code);
}
