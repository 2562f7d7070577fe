/**
 * The 4 or 16 bytes of an IP address given as text (RFC 4291 §2.2 for IPv6, without zone);
 * undefined when it is none.
 */
export function addressBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

function ipv4Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  // No leading zeros, as inet_pton(3): who writes 010 may mean 8.
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

const OCTET = /^(?:0|[1-9]\d{0,2})$/;

function ipv6Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const embedded = index === parts.length - 1 && part.includes(".") ? ipv4Bytes(part) : undefined;
    if (embedded !== undefined)
      groups.push(
        ((embedded[0] ?? 0) << 8) | (embedded[1] ?? 0),
        ((embedded[2] ?? 0) << 8) | (embedded[3] ?? 0),
      );
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
