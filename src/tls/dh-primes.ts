import { hexText } from "./der.ts";

/**
 * Primes that many servers were delivered with, by their first eight bytes: nobody made them for
 * this server alone.
 */
const DELIVERED: Readonly<Record<string, string>> = {
  bbbc2dcad8467490: "nginx",
  d67de440cbbbdc19: "Apache",
  b0feb4cfd45507e7: "Postfix",
  fd7f53811d751229: "Java",
  e9e642599d355f37: "Java",
  fca682ce8e12caba: "Java",
  b10b8f96a080e01d: "RFC 5114",
  ad107e1e9123a9d0: "RFC 5114",
  "87a8e61db4b6663c": "RFC 5114",
};

/**
 * A prime's name when it is a well-known one; undefined for others. Leading zeros are passed over.
 */
export function knownPrime(prime: Uint8Array): string | undefined {
  const digits = prime.subarray(
    Math.max(
      0,
      prime.findIndex((byte) => byte !== 0),
    ),
  );
  const [head, next, tail] = [
    hexText(digits.subarray(0, 8)),
    hexText(digits.subarray(8, 16)),
    hexText(digits.subarray(-8)),
  ];
  const bits = digits.length * 8;
  // The groups of IKE and of TLS are all ones at both ends; what follows are the digits of π and of
  // e (RFC 3526 §2, RFC 7919 §A).
  if (head === ONES && tail === ONES && next === PI)
    return `${bits <= 1024 ? "RFC 2409" : "RFC 3526"} MODP ${bits}`;
  if (head === ONES && tail === ONES && next === E) return `RFC 7919 ffdhe${bits}`;
  const origin = DELIVERED[head];
  return origin === undefined ? undefined : `${origin} ${bits}`;
}

const ONES = "ffffffffffffffff";
const PI = "c90fdaa22168c234";
const E = "adf85458a2bb4a9a";
