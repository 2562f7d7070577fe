/**
 * Local time as the machine's zone has it at that moment: minutes from UTC, east positive. Hot: a
 * zone's offset changes at whole hours only.
 */
export function utcOffsetMinutes(epochMs: number): number {
  const hour = Math.floor(epochMs / 3_600_000);
  if (hour !== lastHour) {
    lastHour = hour;
    lastOffset = -new Date(epochMs).getTimezoneOffset();
  }
  return lastOffset;
}

let lastHour = Number.NaN;
let lastOffset = 0;
