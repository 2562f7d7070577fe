import type { FieldType, FieldValue } from "../fields/field.ts";
import type { TransformerName } from "./ast.ts";
import { fileNameOf } from "../state/path.ts";

interface TransformRule {
  /** Type of the result for a type of value, undefined where the transformer does not take it. */
  readonly result: (type: FieldType, isList: boolean) => FieldType | undefined;
  readonly apply: (value: FieldValue) => FieldValue | undefined;
}

type Unary = Exclude<TransformerName, "join" | "concat" | "getopt" | "val">;

/** The transformers of one argument. */
export const TRANSFORMS: Readonly<Record<Unary, TransformRule>> = {
  tolower: { result: textOnly, apply: mapText((text) => text.toLowerCase()) },
  toupper: { result: textOnly, apply: mapText((text) => text.toUpperCase()) },
  basename: { result: textOnly, apply: mapText(fileNameOf) },
  b64: { result: (type) => (type === "CHARBUF" || type === "BYTEBUF" ? type : undefined), apply: decodeBase64 },
  len: { result: (type, isList) => (isList || type === "CHARBUF" || type === "BYTEBUF" ? "UINT64" : undefined), apply: lengthOf },
};

function textOnly(type: FieldType): FieldType | undefined {
  return type === "CHARBUF" ? type : undefined;
}

function mapText(change: (text: string) => string): (value: FieldValue) => FieldValue | undefined {
  return (value) => (Array.isArray(value) ? value.map((item) => change(String(item))) : change(String(value)));
}

/** Text or bytes out of Base64; undefined when it is none. */
function decodeBase64(value: FieldValue): FieldValue | undefined {
  const text = value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : String(value);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text)) return undefined;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return value instanceof Uint8Array ? bytes : new TextDecoder().decode(bytes);
}

function lengthOf(value: FieldValue): FieldValue {
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return new TextEncoder().encode(String(value)).length;
}

/** Option letters and their values among arguments, as getopt(3) reads them: `-ab` is a and b, `x:` takes a value. */
export function getopt(args: readonly string[], options: string): string[] {
  const found: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (arg === "--") break;
    if (!arg.startsWith("-") || arg === "-") continue;
    for (let at = 1; at < arg.length; at += 1) {
      const letter = arg[at] ?? "";
      const known = letter === ":" ? -1 : options.indexOf(letter);
      // As getopt(3) says it: a letter that is no option.
      found.push(known < 0 ? "?" : letter);
      if (known < 0) continue;
      if (options[known + 1] !== ":") continue;
      const rest = arg.slice(at + 1);
      const value = rest !== "" ? rest : args[(index += 1)];
      found.push(value ?? "");
      break;
    }
  }
  return found;
}
