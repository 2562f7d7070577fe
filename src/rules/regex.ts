import { RE2JS } from "re2js";
import { printable } from "../lib/text.ts";

/**
 * Falco's `regex`: a full match in linear time. RE2's POSIX syntax is meant: Perl classes, flags in
 * the pattern and lazy repetition are refused. Bytes that are no UTF-8 count as U+FFFD. Throws
 * `SyntaxError` with the reason.
 */
export function compileRegex(pattern: string): (text: string) => boolean {
  const perl = /\\[dDwWsSbBAzQEpP]|\(\?|[*+?}]\?/.exec(pattern.replace(/\\\\/g, "  "));
  if (perl !== null) throw new SyntaxError(`"${perl[0]}" is not part of POSIX expressions`);
  try {
    // In POSIX mode lines are lines: a dot takes no line break, ^ and $ stand at one.
    const expression = RE2JS.compile(pattern, RE2JS.MULTILINE);
    return (text) => expression.testExact(printable(text));
  } catch (thrown) {
    throw new SyntaxError(
      thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown),
      { cause: thrown },
    );
  }
}

/**
 * True for an expression that says no more than `=`, `contains`, `startswith` or `endswith` would.
 */
export function isPlainRegex(pattern: string): boolean {
  const inner = pattern.replace(/^\^?(?:\.[*+?])?/, "").replace(/(?:\.[*+?])?\$?$/, "");
  return !/[\\^$.|?*+()[\]{}]/.test(inner);
}
