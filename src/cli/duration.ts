import { durationMs } from "../lib/duration.ts";
import { AppError } from "../lib/errors.ts";

/**
 * Milliseconds of a time such as `30s`, `5m`, `500ms`; a bare number is seconds. Throws
 * `USAGE_TIME`.
 */
export function parseDuration(text: string, option: string): number {
  const ms = durationMs(text);
  if (ms === undefined || ms <= 0 || ms > 0x7fff_ffff) {
    throw new AppError("USAGE_TIME", `Cannot use ${option} "${text}": it must be a time`, {
      hint: `write it as ${option} 30s, 5m or 500ms`,
    });
  }
  return ms;
}
