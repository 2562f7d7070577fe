/** `1,234`; from a million on `1.2 M`. */
export function countText(count: number): string {
  return count < 1_000_000 ? count.toLocaleString("en") : `${(count / 1_000_000).toFixed(1)} M`;
}

/** `512 B`, `1.4 MB`: powers of 1000. */
export function bytesText(bytes: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(bytes) / 3)));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step]}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];
