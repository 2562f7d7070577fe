/** This machine's local time at that moment: minutes from UTC, east positive. */
export function localOffsetMinutes(epochMs: number): number {
  return -new Date(epochMs).getTimezoneOffset();
}
