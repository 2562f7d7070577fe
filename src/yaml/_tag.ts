import type { Cursor } from "./_cursor.ts";
import { YamlError } from "./yaml-error.ts";

const WORD = /[A-Za-z0-9-]/;
const TAG = /[A-Za-z0-9#;/?:@&=+$_.~*'()-]|%[0-9A-Fa-f]{2}/y;
const URI = /[A-Za-z0-9#;/?:@&=+$,_.!~*'()[\]-]|%[0-9A-Fa-f]{2}/y;

/** Passes over a tag, and what it says: what stands behind `!`. `!` alone is the plainest one. */
export function scanTag(cursor: Cursor): string {
  const start = cursor.at;
  cursor.eat(1);
  if (cursor.peek() === "<") return verbatim(cursor, start);
  const { text, isHandle } = handle(cursor, start);
  if (!isHandle || cursor.peek() !== "!") return text === "" && !isHandle ? "!" : `!${text}`;
  cursor.eat(1);
  const suffix = taken(cursor, TAG);
  if (suffix === "") throw new YamlError("A tag's handle has nothing behind it", start);
  return `!${text}!${suffix}`;
}

function verbatim(cursor: Cursor, start: number): string {
  cursor.eat(1);
  const text = taken(cursor, URI);
  if (cursor.peek() !== ">") throw new YamlError('A tag in "<" does not end with ">"', start);
  cursor.eat(1);
  return text;
}

/** What stands before a second `!`, if one comes: a word. */
function handle(
  cursor: Cursor,
  start: number,
): { readonly text: string; readonly isHandle: boolean } {
  let isHandle = true;
  const begin = cursor.at;
  while (!cursor.isAtEnd) {
    if (cursor.peek() === "!") {
      if (!isHandle) throw new YamlError("The handle of a tag is a word", start);
      break;
    }
    if (isHandle && !WORD.test(cursor.peek())) isHandle = false;
    const length = isHandle ? 1 : lengthOf(cursor, TAG);
    if (length === 0) break;
    cursor.eat(length);
  }
  return { text: cursor.text.slice(begin, cursor.at), isHandle };
}

function taken(cursor: Cursor, pattern: RegExp): string {
  const begin = cursor.at;
  for (let length = lengthOf(cursor, pattern); length > 0; length = lengthOf(cursor, pattern))
    cursor.eat(length);
  return cursor.text.slice(begin, cursor.at);
}

function lengthOf(cursor: Cursor, pattern: RegExp): number {
  pattern.lastIndex = cursor.at;
  return pattern.exec(cursor.text)?.[0].length ?? 0;
}
