import { addressBytes } from "../lib/ip-bytes.ts";
import { parseNumber } from "./numbers.ts";

/** Does an address (4 or 16 bytes) lie in the network? */
export type NetworkMatcher = (address: Uint8Array) => boolean;

/**
 * An address, or a network as `10.0.0.0/8` or `fe80::/10`; undefined when it is neither. Another
 * family never matches. As in the real engine, an IPv6 network is at least /1, an address with a
 * dot is IPv4, and a prefix is a number of eight bits.
 */
export function compileNetwork(text: string): NetworkMatcher | undefined {
  const [, address = "", prefix] = /^([^/]+)(?:\/([^/]*))?$/.exec(text) ?? [];
  const bytes = addressBytes(address);
  if (bytes === undefined || (address.includes(".") && bytes.length !== 4)) return undefined;
  const bits = prefix === undefined ? bytes.length * 8 : Number(parseNumber(prefix, "UINT8"));
  if (Number.isNaN(bits) || bits > bytes.length * 8 || (bits === 0 && bytes.length === 16))
    return undefined;
  const whole = bits >> 3;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return (candidate) => {
    if (candidate.length !== bytes.length) return false;
    for (let index = 0; index < whole; index += 1)
      if (candidate[index] !== bytes[index]) return false;
    return mask === 0 || ((candidate[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask);
  };
}
