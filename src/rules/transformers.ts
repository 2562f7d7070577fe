import type { FieldType, FieldValue, SingleValue } from "../fields/field.ts";
import { decodeText, encodeText } from "../lib/text.ts";
import { fileNameOf } from "../state/path.ts";
import { lowerAscii, upperAscii } from "./ascii-case.ts";
import type { TransformerName } from "./ast.ts";
import { isText } from "./value-types.ts";

interface TransformerRule {
  /** Type of the result for a type of value, undefined where the transformer does not take it. */
  readonly result: (type: FieldType, isList: boolean) => FieldType | undefined;
  readonly apply: (value: FieldValue) => FieldValue | undefined;
  /** A list becomes one value. */
  readonly folds?: true;
}

type Unary = Exclude<TransformerName, "join" | "concat" | "getopt" | "val">;

/** The transformers of one argument. */
export const UNARY_TRANSFORMERS: Readonly<Record<Unary, TransformerRule>> = {
  tolower: { result: textOnly, apply: ofText(lowerAscii) },
  toupper: { result: textOnly, apply: ofText(upperAscii) },
  basename: { result: textOnly, apply: ofText(fileNameOf) },
  b64: {
    result: (type) => (isText(type) || type === "BYTEBUF" ? type : undefined),
    apply: ofEach(decodeBase64),
  },
  len: {
    result: (type, isList) => (isList || isText(type) || type === "BYTEBUF" ? "UINT64" : undefined),
    apply: lengthOf,
    folds: true,
  },
};

function textOnly(type: FieldType): FieldType | undefined {
  return isText(type) ? type : undefined;
}

function ofText(change: (text: string) => string): (value: FieldValue) => FieldValue | undefined {
  return ofEach((value) => change(String(value)));
}

/** One value, or each of a list; one that has no answer leaves the whole without. */
function ofEach(
  change: (value: SingleValue) => SingleValue | undefined,
): (value: FieldValue) => FieldValue | undefined {
  return (value) => {
    if (!isList(value)) return change(value);
    const changed = value.map(change);
    return changed.every((item) => item !== undefined) ? changed : undefined;
  };
}

function isList(value: FieldValue): value is readonly SingleValue[] {
  return Array.isArray(value);
}

/** Text or bytes out of Base64; undefined when it is none. */
function decodeBase64(value: SingleValue): SingleValue | undefined {
  const text = value instanceof Uint8Array ? decodeText(value, 0, value.length) : String(value);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text))
    return undefined;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (!(value instanceof Uint8Array)) return decodeText(bytes, 0, bytes.length);
  // The real engine ends every result in a NUL, which bytes count.
  return bytes.at(-1) === 0 ? bytes : Uint8Array.of(...bytes, 0);
}

function lengthOf(value: FieldValue): FieldValue {
  if (isList(value) || value instanceof Uint8Array) return value.length;
  return encodeText(String(value)).length;
}

/** One option that `getopt` found. */
interface FoundOption {
  readonly letter: string;
  /** The option's argument, `undefined` for one that takes none, "" for one that lacks it. */
  readonly value: string | undefined;
  readonly isMissing: boolean;
}

/**
 * The options among arguments, as the real engine reads them: `-ab` is a and b, `x:` takes a value,
 * an unknown letter is `?`; a long option is passed over, `--` and the first word that is no option
 * end them.
 */
function findOptions(args: readonly string[], options: string): FoundOption[] {
  const found: FoundOption[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (arg === "--" || arg === "-" || !arg.startsWith("-")) break;
    if (arg.startsWith("--")) continue;
    for (let at = 1; at < arg.length; at += 1) {
      const letter = arg[at] ?? "";
      const known = letter === ":" ? -1 : options.indexOf(letter);
      if (known < 0 || options[known + 1] !== ":") {
        found.push({ letter: known < 0 ? "?" : letter, value: undefined, isMissing: false });
        continue;
      }
      const rest = arg.slice(at + 1);
      const value = rest !== "" ? rest : args[(index += 1)];
      found.push({ letter, value: value ?? "", isMissing: value === undefined });
      break;
    }
  }
  return found;
}

/**
 * `getopt(args, "ab:")`: letters and values, in their order; of an option that lacks its value, the
 * empty value alone.
 */
export function getopt(args: readonly string[], options: string): string[] {
  return findOptions(args, options).flatMap(({ letter, value, isMissing }) =>
    value === undefined ? [letter] : isMissing ? [value] : [letter, value],
  );
}

/**
 * `getopt(args, "ab:")[b]`: the value of the last such option, the letter itself for one without;
 * undefined when it is not there.
 */
export function getoptValue(
  args: readonly string[],
  options: string,
  letter: string,
): string | undefined {
  const last = findOptions(args, options).findLast((option) => option.letter === letter);
  return last === undefined ? undefined : (last.value ?? letter);
}
