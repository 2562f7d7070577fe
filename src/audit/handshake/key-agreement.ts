import {
  createECDH,
  createPublicKey,
  decapsulate,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from "node:crypto";
import type { KeyShare } from "../../tls/client-hello.ts";
import { ffdhePrime } from "../../tls/ffdhe-prime.ts";

/** One group's private key, and what the server gets of it. */
export interface OwnKey {
  readonly share: KeyShare;
  /** What both sides then know. Throws when the server's key is none of this group. */
  readonly agree: (theirs: Uint8Array) => Uint8Array;
}

/** One exchange of which a group is made; a hybrid has two. */
interface Exchange {
  /** Bytes of the server's share. */
  readonly theirBytes: number;
  readonly generate: () => {
    readonly share: Uint8Array;
    readonly agree: (theirs: Uint8Array) => Uint8Array;
  };
}

const ML_KEM_512 = mlKem("ml-kem-512", 768);
const ML_KEM_768 = mlKem("ml-kem-768", 1088);
const ML_KEM_1024 = mlKem("ml-kem-1024", 1568);
const X25519 = montgomery("x25519", 32, "302a300506032b656e032100");

/**
 * Every group that Node computes with, by its code in IANA's register, the likeliest first. Shares
 * and secrets of a hybrid stand one behind the other, in the order of its draft
 * (draft-ietf-tls-ecdhe-mlkem §4; draft-ietf-tls-mlkem; RFC 8734; RFC 7919).
 */
const GROUPS: ReadonlyMap<number, readonly Exchange[]> = new Map([
  [29, [X25519]],
  [23, [curve("prime256v1", 65)]],
  [24, [curve("secp384r1", 97)]],
  [25, [curve("secp521r1", 133)]],
  [30, [montgomery("x448", 56, "3042300506032b656f033900")]],
  [4588, [ML_KEM_768, X25519]],
  [4587, [curve("prime256v1", 65), ML_KEM_768]],
  [4589, [curve("secp384r1", 97), ML_KEM_1024]],
  [512, [ML_KEM_512]],
  [513, [ML_KEM_768]],
  [514, [ML_KEM_1024]],
  [31, [curve("brainpoolP256r1", 65)]],
  [32, [curve("brainpoolP384r1", 97)]],
  [33, [curve("brainpoolP512r1", 129)]],
  [256, [finiteField(2048)]],
  [257, [finiteField(3072)]],
  [258, [finiteField(4096)]],
  [259, [finiteField(6144)]],
  [260, [finiteField(8192)]],
  [41, [curve("SM2", 65)]],
  [22, [curve("secp256k1", 65)]],
]);

/** The groups that we can compute with. */
export const COMPUTED_GROUPS: readonly number[] = [...GROUPS.keys()];

/**
 * A fresh key of the first of these groups that we can compute with; undefined where there is none.
 */
export function generateKey(groups: readonly number[]): OwnKey | undefined {
  for (const group of groups) {
    const exchanges = GROUPS.get(group);
    if (exchanges !== undefined) return ownKey(group, exchanges);
  }
  return undefined;
}

/** One of each of these groups that we can compute with. */
export function generateKeys(groups: readonly number[]): OwnKey[] {
  return groups.map((group) => generateKey([group])).filter((key) => key !== undefined);
}

function ownKey(group: number, exchanges: readonly Exchange[]): OwnKey {
  const parts = exchanges.map(({ theirBytes, generate }) => ({ theirBytes, ...generate() }));
  const agree = (theirs: Uint8Array): Uint8Array => {
    const wanted = parts.reduce((sum, { theirBytes }) => sum + theirBytes, 0);
    if (theirs.length !== wanted)
      throw new RangeError(`a share of ${theirs.length} bytes where ${wanted} belong`);
    let from = 0;
    return Buffer.concat(
      parts.map((part) => part.agree(theirs.subarray(from, (from += part.theirBytes)))),
    );
  };
  return { share: { group, key: Buffer.concat(parts.map(({ share }) => share)) }, agree };
}

function curve(name: string, theirBytes: number): Exchange {
  return {
    theirBytes,
    generate: () => {
      const own = createECDH(name);
      return { share: own.generateKeys(), agree: (theirs) => own.computeSecret(theirs) };
    },
  };
}

/** Node takes their keys as DER alone: `prefix` stands before the raw one. */
function montgomery(name: "x25519" | "x448", theirBytes: number, hex: string): Exchange {
  const prefix = Buffer.from(hex, "hex");
  return {
    theirBytes,
    generate: () => {
      const { publicKey, privateKey } = generateKeyPairSync(name as "x25519");
      return {
        share: publicKey.export({ type: "spki", format: "der" }).subarray(prefix.length),
        agree: (theirs) => {
          const key = Buffer.concat([prefix, theirs]);
          return diffieHellman({
            privateKey,
            publicKey: createPublicKey({ key, type: "spki", format: "der" }),
          });
        },
      };
    },
  };
}

/** FIPS 203's keys stand behind 22 bytes of DER; the server's share is a ciphertext. */
function mlKem(name: "ml-kem-512" | "ml-kem-768" | "ml-kem-1024", theirBytes: number): Exchange {
  return {
    theirBytes,
    generate: () => {
      const { publicKey, privateKey } = generateKeyPairSync(name as "ml-kem-512");
      return {
        share: publicKey.export({ type: "spki", format: "der" }).subarray(22),
        agree: (theirs) => decapsulate(privateKey, theirs),
      };
    },
  };
}

/**
 * Computed here, for Node tests the prime before it does anything, which takes minutes. Nothing of
 * a scanner's handshake is secret, so a short exponent will do. Values are as long as the prime
 * (RFC 8446 §4.2.8.1, §7.4.1).
 */
function finiteField(bits: number): Exchange {
  return {
    theirBytes: bits / 8,
    generate: () => keyInField(ffdhePrime(bits) ?? new Uint8Array(0), Uint8Array.of(2)),
  };
}

/** A fresh key of a prime field; shares and what both know are as long as the prime. */
export function keyInField(
  prime: Uint8Array,
  generator: Uint8Array,
): ReturnType<Exchange["generate"]> {
  const modulus = numberOf(prime);
  const exponent = numberOf(randomBytes(EXPONENT_BYTES));
  const raised = (base: Uint8Array): Uint8Array => {
    const digits = power(numberOf(base), exponent, modulus).toString(16);
    return Buffer.from(digits.padStart(prime.length * 2, "0"), "hex");
  };
  return { share: raised(generator), agree: raised };
}

const EXPONENT_BYTES = 16;

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
