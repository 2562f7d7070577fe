/** `struct settings` of probe/record.h; `codes` is the length of its table of scap event codes. */
export const SETTINGS = {
  epochOffset: 0,
  ownPid: 8,
  flags: 12,
  enabled: 16,
  codes: 512,
  hosts: 528,
  size: 536,
} as const;

/** Of the maps that have one value. */
export const FIRST_KEY = new Uint8Array(4);

/** A number as a key or value of a map: u32. */
export function keyOf(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}
