import { AppError } from "../lib/errors.ts";

/** Powers of the base. */
const UNITS: Readonly<Record<string, number>> = { "": 0, K: 1, M: 2, G: 3, T: 4 };

/**
 * Bytes of a size such as `500M` or `2G`; a K is a thousand, or what else is said. Throws
 * `USAGE_SIZE`.
 */
export function parseSize(text: string, option: string, thousand = 1000): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * thousand ** (UNITS[unit.toUpperCase()] ?? 0);
  if (!(bytes >= 1))
    throw new AppError("USAGE_SIZE", `Cannot use ${option} "${text}": it must be a size`, {
      hint: `write ${option} 500M or 2G`,
    });
  return bytes;
}

/**
 * Bytes of the ring between kernel and us: at least what is asked for, a power of two, from 64 KiB
 * to 1 GiB. Throws `USAGE_SIZE`.
 */
export function parseRingSize(text: string): number {
  const bytes = 2 ** Math.ceil(Math.log2(parseSize(text, "--buffer", 1024)));
  if (bytes >= 65_536 && bytes <= 2 ** 30) return bytes;
  throw new AppError("USAGE_SIZE", `Cannot use --buffer "${text}": it must be from 64K to 1G`, {
    hint: "write --buffer 32M",
  });
}
