import { encodeText, latin1Text } from "../lib/text.ts";
import { isAscii, lowerAscii } from "./ascii-case.ts";

/** A compiled glob: does the whole text match? */
export type GlobMatcher = (text: string) => boolean;

type Step =
  | { readonly kind: "star" }
  | { readonly kind: "one"; readonly matches: (code: number) => boolean };

/**
 * fnmatch(3) with no flags, as Falco's `glob` calls it: `*` and `?` match `/` and leading dots too,
 * `[a-z]`, `[!a-z]`, `\` quotes. Matching takes O(pattern × text) at the worst.
 */
export function compileGlob(pattern: string, { ignoreCase = false } = {}): GlobMatcher {
  if (!/[?[\]\\]/.test(pattern)) {
    const matches = compileStars(ignoreCase ? lowerAscii(pattern) : pattern);
    return ignoreCase ? (text) => matches(lowerAscii(text)) : matches;
  }
  const steps = parseGlob(byteText(ignoreCase ? lowerAscii(pattern) : pattern));
  return (text) => run(steps, byteText(ignoreCase ? lowerAscii(text) : text));
}

/** A pattern of text and stars alone: each piece is looked for behind the one before it. */
function compileStars(pattern: string): GlobMatcher {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  const between = rest.filter((piece) => piece !== "");
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

/** One character a byte: fnmatch(3) in the C locale knows no others. */
function byteText(text: string): string {
  return isAscii(text) ? text : latin1Text(encodeText(text));
}

function run(steps: readonly Step[], text: string): boolean {
  let [step, at, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    const current = steps[step];
    if (current?.kind === "one" && current.matches(text.charCodeAt(at))) {
      step += 1;
      at += 1;
    } else if (current?.kind === "star") {
      star = step;
      mark = at;
      step += 1;
    } else if (star >= 0) {
      // Only the last star ever needs to give way.
      step = star + 1;
      mark += 1;
      at = mark;
    } else {
      return false;
    }
  }
  while (steps[step]?.kind === "star") step += 1;
  return step === steps.length;
}

function parseGlob(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] ?? "";
    if (char === "*") {
      if (steps.at(-1)?.kind !== "star") steps.push({ kind: "star" });
    } else if (char === "?") {
      steps.push({ kind: "one", matches: () => true });
    } else if (char === "[") {
      const set = parseSet(pattern, at);
      steps.push(set?.step ?? literal("["));
      at = set?.end ?? at;
    } else if (char === "\\" && at + 1 < pattern.length) {
      at += 1;
      steps.push(literal(pattern[at] ?? ""));
    } else {
      steps.push(literal(char));
    }
  }
  return steps;
}

function literal(char: string): Step {
  const wanted = char.charCodeAt(0);
  return { kind: "one", matches: (code) => code === wanted };
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /\s/,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** A bracket expression at `at`; undefined when it is not closed, and then the bracket stands for itself. */
function parseSet(
  pattern: string,
  at: number,
): { readonly step: Step; readonly end: number } | undefined {
  let end = at + 1;
  const negated = pattern[end] === "!" || pattern[end] === "^";
  if (negated) end += 1;
  const tests: ((code: number) => boolean)[] = [];
  for (let isFirst = true; isFirst || pattern[end] !== "]"; isFirst = false) {
    if (end >= pattern.length) return undefined;
    const named = /^\[:(\w+):\]/.exec(pattern.slice(end));
    const expression = CLASSES[named?.[1] ?? ""];
    if (named !== null && expression !== undefined) {
      tests.push((code) => expression.test(String.fromCharCode(code)));
      end += named[0].length;
      continue;
    }
    if (pattern[end] === "\\") end += 1;
    const low = pattern.charCodeAt(end);
    const isRange =
      pattern[end + 1] === "-" && pattern[end + 2] !== "]" && end + 2 < pattern.length;
    const high = isRange ? pattern.charCodeAt(end + 2) : low;
    tests.push((code) => code >= low && code <= high);
    end += isRange ? 3 : 1;
  }
  return {
    step: { kind: "one", matches: (code) => tests.some((test) => test(code)) !== negated },
    end,
  };
}
