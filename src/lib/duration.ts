const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a time such as `30s`, `5m`, `1.5h`, `7d` or `500ms`; a bare number is seconds. Undefined
 * when it is none.
 */
export function durationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2] ?? "s"] ?? 1000);
}
