import { AppError } from "../lib/errors.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a time such as `30s`, `5m`, `500ms`; a bare number is seconds. Throws
 * `USAGE_TIME`.
 */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const ms = Number(match?.[1]) * (UNITS[match?.[2] ?? "s"] ?? 1000);
  if (match === null || ms <= 0 || ms > 0x7fff_ffff) {
    throw new AppError("USAGE_TIME", `Cannot use ${option} "${text}": it must be a time`, {
      hint: `write it as ${option} 30s, 5m or 500ms`,
    });
  }
  return ms;
}
