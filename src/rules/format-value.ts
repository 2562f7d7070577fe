import type { FieldType, FieldValue } from "../fields/field.ts";
import { ipText } from "../lib/ip-text.ts";

/** What Falco prints for a value that is missing. */
export const MISSING = "<NA>";

/** A field's value as Falco prints it. */
export function formatValue(value: FieldValue | undefined, type: FieldType): string {
  if (value === undefined) return MISSING;
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array)
    return type === "IPADDR" || type === "IPNET" ? ipText(value) : printable(value);
  if (Array.isArray(value)) return `(${value.join(",")})`;
  if (typeof value === "number" && type === "DOUBLE") return value.toFixed(1);
  return String(value);
}

function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  return text;
}
