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

const PERIOD_UNITS: Readonly<Record<string, number>> = { ...UNITS, d: 86_400_000, w: 604_800_000 };

/**
 * Milliseconds of a time as Prometheus writes it, `1h30m`; a bare number is milliseconds. Undefined
 * when it is none.
 */
export function periodMs(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(?:\d+(?:ms|[smhdw]))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+)(ms|[smhdw])/g);
  return [...parts].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (PERIOD_UNITS[unit] ?? 0),
    0,
  );
}
