import assert from "node:assert/strict";
import { checkPrimeSync } from "node:crypto";
import { test } from "node:test";
import { knownPrime } from "./dh-primes.ts";
import { ffdhePrime } from "./ffdhe-prime.ts";

test("ffdhePrime() gives safe primes of RFC 7919's form", () => {
  for (const bits of [2048]) {
    const prime = ffdhePrime(bits) ?? new Uint8Array(0);
    assert.equal(prime.length * 8, bits);
    assert.equal(knownPrime(prime), `RFC 7919 ffdhe${bits}`);
    const value = BigInt(`0x${Buffer.from(prime).toString("hex")}`);
    assert.ok(checkPrimeSync(value, { checks: 2 }) && checkPrimeSync(value >> 1n, { checks: 2 }));
  }
  for (const bits of [3072, 4096, 6144, 8192])
    assert.equal(knownPrime(ffdhePrime(bits) ?? new Uint8Array(0)), `RFC 7919 ffdhe${bits}`);
  assert.equal(ffdhePrime(1024), undefined);
});
