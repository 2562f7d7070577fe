import { decodeText, encodeText } from "../lib/text.ts";
import { ConditionError } from "./condition-error.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  "/": "/",
  '"': '"',
  "'": "'",
  " ": "\\",
};

/**
 * What stands between quotes, with its escapes resolved (libs, `filter/escaping.h`); of the two
 * quotes only the one around it can be escaped. `\xHH` is one byte: bytes that together are no
 * UTF-8 stand as lone surrogates (`lib/text.ts`). Throws `ConditionError`; `offset` is where the
 * text begins in its condition.
 */
export function unescapeQuoted(text: string, quote: string, offset = 0): string {
  if (!text.includes("\\")) return text;
  let result = "";
  let hasBytes = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? "";
    const next = text[at + 1] ?? "";
    if (char !== "\\") {
      result += char;
    } else if (next === "x") {
      const byte = readByte(text, at, offset);
      result += byte < 0x80 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte);
      hasBytes ||= byte >= 0x80;
      at += 3;
    } else {
      const plain = ESCAPES[next];
      const isOtherQuote = /["']/.test(next) && next !== quote;
      if (plain === undefined || isOtherQuote)
        throw new ConditionError(`"\\${next}" is no escape`, {
          start: offset + at,
          end: offset + at + 2,
          hint: isOtherQuote
            ? `write ${next} without a backslash between ${quote}`
            : "write a backslash as \\\\",
        });
      result += plain;
      at += 1;
    }
  }
  if (!hasBytes) return result;
  // Bytes that are UTF-8 together are the character they are.
  const bytes = encodeText(result);
  return bytes.includes(0) ? result : decodeText(bytes, 0, bytes.length);
}

function readByte(text: string, at: number, offset: number): number {
  const digits = text.slice(at + 2, at + 4);
  if (/^[0-9a-fA-F]{2}$/.test(digits)) return Number.parseInt(digits, 16);
  throw new ConditionError(`"\\x${digits}" is no byte`, {
    start: offset + at,
    end: offset + at + 2 + digits.length,
    hint: "write two hexadecimal digits, such as \\x0a",
  });
}
