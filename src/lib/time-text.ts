/**
 * Parts of an epoch time in nanoseconds, in the time zone that lies `offsetMinutes` east of UTC.
 */
function partsOf(
  epochNs: bigint,
  offsetMinutes: number,
): { date: string; time: string; fraction: string } {
  const ns = epochNs % 1_000_000_000n;
  const ms = Number((epochNs - ns) / 1_000_000n) + offsetMinutes * 60_000;
  // A time beyond what Date holds (hostile captures) prints as the epoch rather than throwing.
  const iso = new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
  return { date: iso.slice(0, 10), time: iso.slice(11, 19), fraction: String(ns).padStart(9, "0") };
}

/** `HH:MM:SS.nnnnnnnnn` */
export function clockText(epochNs: bigint, offsetMinutes: number): string {
  const { time, fraction } = partsOf(epochNs, offsetMinutes);
  return `${time}.${fraction}`;
}

/** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` */
export function dateTimeText(epochNs: bigint, offsetMinutes: number): string {
  const { date, time, fraction } = partsOf(epochNs, offsetMinutes);
  return `${date} ${time}.${fraction}`;
}

/** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, UTC, as in Falco's JSON. */
export function isoText(epochNs: bigint): string {
  const { date, time, fraction } = partsOf(epochNs, 0);
  return `${date}T${time}.${fraction}Z`;
}

/** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn+0000`, UTC, Falco's evt.time.iso8601. */
export function isoOffsetText(epochNs: bigint): string {
  const { date, time, fraction } = partsOf(epochNs, 0);
  return `${date}T${time}.${fraction}+0000`;
}

/** `2016-08-04T16:17:57.882054739Z` in epoch nanoseconds, 0 when it is no time. */
export function epochNanoseconds(time: string): bigint {
  const match = /^(.*?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(time);
  const ms = Date.parse(`${match?.[1] ?? ""}${match?.[3] ?? "Z"}`);
  return Number.isNaN(ms)
    ? 0n
    : BigInt(ms) * 1_000_000n + BigInt((match?.[2] ?? "").padEnd(9, "0") || 0);
}
