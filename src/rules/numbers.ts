import type { FieldType } from "../fields/field.ts";
import { SERVICES } from "./services.ts";
import { TYPE_SHAPES } from "./value-types.ts";

const INT32_MAX = 2 ** 31 - 1;
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * The number that a literal is for a number type: plain decimal, held within 64 bits as strtoll(3)
 * and strtoull(3) hold it, then cut to the type's width, as the real engine does. Undefined when it
 * is none.
 */
export function parseNumber(text: string, type: FieldType): number | bigint | undefined {
  const shape = TYPE_SHAPES[type];
  if (shape.family !== "number") return undefined;
  if (type === "PORT") return parsePort(text);
  if (!/^\s*[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.trim().replace(/^\+/, ""));
  if (shape.signed)
    return normal(BigInt.asIntN(shape.bits, clamp(value, -INT64_MAX - 1n, INT64_MAX)));
  return normal(
    BigInt.asUintN(
      shape.bits,
      value < 0n
        ? value < -UINT64_MAX
          ? UINT64_MAX
          : BigInt.asUintN(64, value)
        : clamp(value, 0n, UINT64_MAX),
    ),
  );
}

/** A port by number or by the name of its service; no text at all is port 0. */
function parsePort(text: string): number | undefined {
  // As stoi(3) reads it: what no int holds is no number.
  if (/^\d*$/.test(text))
    return Number(text) > INT32_MAX ? undefined : Number(BigInt.asUintN(16, BigInt(text)));
  return SERVICES[text.toLowerCase()];
}

function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return value < low ? low : value > high ? high : value;
}

/**
 * Whole numbers compare as numbers where they fit, so that both kinds of the same value are one.
 */
export function normal(value: number | bigint): number | bigint {
  return typeof value === "bigint" && value >= -MAX_SAFE && value <= MAX_SAFE
    ? Number(value)
    : value;
}
