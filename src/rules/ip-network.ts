import { addressBytes } from "../lib/ip-bytes.ts";

/** Does an address (4 or 16 bytes) lie in the network? */
export type NetworkMatcher = (address: Uint8Array) => boolean;

/**
 * An address, or a network as `10.0.0.0/8` or `fe80::/10`; undefined when it is neither. Another
 * family never matches. As in the real engine, an IPv6 network is at least /1, and an address with
 * a dot is IPv4.
 */
export function compileNetwork(text: string): NetworkMatcher | undefined {
  const [, address = "", digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = addressBytes(address);
  if (bytes === undefined || (address.includes(".") && bytes.length !== 4)) return undefined;
  const bits = digits === undefined ? bytes.length * 8 : Number(digits);
  if (bits > bytes.length * 8 || (bits === 0 && bytes.length === 16)) return undefined;
  const whole = bits >> 3;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return (candidate) => {
    if (candidate.length !== bytes.length) return false;
    for (let index = 0; index < whole; index += 1)
      if (candidate[index] !== bytes[index]) return false;
    return mask === 0 || ((candidate[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask);
  };
}
