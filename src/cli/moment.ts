import { AppError } from "../lib/errors.ts";
import { parseDuration } from "./duration.ts";

const DAY_NS = 86_400_000_000_000n;

/**
 * A moment of a capture, epoch nanoseconds, once its first event is known: `10s` or `1.5m` after
 * that, `HH:MM:SS[.n]` local time of its day (as outputs show it; of the next day when that is
 * before the first event), or a date and time after ISO 8601. Throws `USAGE_MOMENT`.
 */
export function parseMoment(
  text: string,
  option: string,
  utcOffsetMinutes: (epochMs: number) => number,
): (first: bigint) => bigint {
  const trimmed = text.trim();
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h)$/.test(trimmed)) {
    const after = BigInt(Math.round(parseDuration(trimmed, option) * 1e6));
    return (first) => first + after;
  }
  const clock = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/.exec(trimmed);
  if (clock !== null) {
    const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = clock;
    const inDay =
      BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000_000n +
      BigInt(fraction.padEnd(9, "0"));
    return (first) => {
      const offset = BigInt(utcOffsetMinutes(Number(first / 1_000_000n))) * 60_000_000_000n;
      const midnight = ((first + offset) / DAY_NS) * DAY_NS - offset;
      return midnight + inDay < first - (first % 1_000_000_000n)
        ? midnight + inDay + DAY_NS
        : midnight + inDay;
    };
  }
  const [, date = "", fraction = "", zone = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(trimmed) ?? [];
  const ms = Date.parse(`${date}${zone}`);
  if (date === "" || Number.isNaN(ms)) {
    throw new AppError("USAGE_MOMENT", `Cannot use ${option} "${text}": it is no moment`, {
      hint: `write ${option} 10s (after the first event), 14:05:30 or 2026-11-23T14:05:30Z`,
    });
  }
  const at = BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
  return () => at;
}
