/** An IP address as text: 4 bytes dotted, 16 bytes in the form of RFC 5952. */
export function ipText(address: Uint8Array): string {
  if (address.length === 4) return `${address[0]}.${address[1]}.${address[2]}.${address[3]}`;
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((address[2 * index] ?? 0) << 8) | (address[2 * index + 1] ?? 0),
  );
  if (isMapped(address)) return `::ffff:${ipText(address.subarray(12))}`;
  const gap = longestZeroRun(groups);
  const hex = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

/** True for an IPv4 address inside IPv6, `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2). */
export function isMapped(address: Uint8Array): boolean {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return false;
  for (let index = 0; index < 10; index += 1) if (address[index] !== 0) return false;
  return true;
}

/** The IPv4 address inside of a mapped one; any other stays. A view, no copy. */
export function unmapped(address: Uint8Array): Uint8Array {
  return isMapped(address) ? address.subarray(12) : address;
}

/** The same of text: `::ffff:a.b.c.d` is what an IPv6 socket calls an IPv4 address. */
export function unmappedText(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** True when every byte is 0: the unspecified address. */
export function isUnspecified(address: Uint8Array): boolean {
  for (const byte of address) if (byte !== 0) return false;
  return true;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
