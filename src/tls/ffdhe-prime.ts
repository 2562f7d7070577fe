/** The constant of each prime, by its bits (RFC 7919 §A). */
const OFFSETS: Readonly<Record<number, bigint>> = {
  2048: 560_316n,
  3072: 2_625_351n,
  4096: 5_736_041n,
  6144: 15_705_020n,
  8192: 10_965_728n,
};

/**
 * The prime of a finite field group of TLS, big-endian: 2^b - 2^(b-64) + (⌊2^(b-130)·e⌋ + X)·2^64 - 1
 * (RFC 7919 §A). Undefined for a size that has none.
 */
export function ffdhePrime(bits: number): Uint8Array | undefined {
  const offset = OFFSETS[bits];
  if (offset === undefined) return undefined;
  const size = BigInt(bits);
  const digits = eulersNumber(size - 130n) + offset;
  const prime = (1n << size) - (1n << (size - 64n)) + (digits << 64n) - 1n;
  const text = prime.toString(16);
  return Uint8Array.from({ length: bits / 8 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

/** ⌊2^bits·e⌋, from the series of the inverse factorials. */
function eulersNumber(bits: bigint): bigint {
  // So many bits more that the rounded terms' errors do not reach the result.
  const guard = 64n;
  let [sum, term] = [0n, 1n << (bits + guard)];
  for (let divisor = 1n; term > 0n; divisor += 1n) {
    sum += term;
    term /= divisor;
  }
  return sum >> guard;
}
