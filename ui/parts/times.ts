/** `14:03:07.123`, with the day in front where it is not today; the reader's own time zone. */
export function momentText(time: Date, now: Date): string {
  const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return time.toDateString() === now.toDateString() ? clock : `${dayText(time)} ${clock}`;
}

/** `30 Nov`, with the year where it is another one. */
export function dayText(time: Date, now = new Date()): string {
  const isThisYear = time.getFullYear() === now.getFullYear();
  return time.toLocaleDateString("en-GB", {
    day: "2-digit",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
  });
}

/** `12 s`, `5 min`, `3 h`, `40 d`: the largest unit that makes at least one. */
export function spanText(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? ["s", SECOND];
  return `${Math.floor(Math.abs(ms) / size)} ${unit}`;
}

/** `5 min ago`, `in 3 h`. */
export function agoText(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  if (Math.abs(ms) < SECOND) return "now";
  return ms < 0 ? `in ${spanText(ms)}` : `${spanText(ms)} ago`;
}

const SECOND = 1000;
/** A day in milliseconds. */
export const DAY = 86_400_000;
const UNITS = [
  ["d", DAY],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", SECOND],
] as const;
