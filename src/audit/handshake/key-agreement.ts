import {
  createPublicKey,
  decapsulate,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import type { KeyShare } from "../../tls/client-hello.ts";

/** One group's private key, and what the server gets of it. */
export interface OwnKey {
  readonly share: KeyShare;
  /** What both sides then know. Throws when the server's key is none of this group. */
  readonly agree: (theirs: Uint8Array) => Uint8Array;
}

/**
 * Groups that Node computes with: code, its name there, and the DER that a raw public key needs in
 * front of it.
 */
const GROUPS: readonly (readonly [
  code: number,
  generate: () => { publicKey: KeyObject; privateKey: KeyObject },
  prefix: string,
])[] = [
  [29, () => generateKeyPairSync("x25519"), "302a300506032b656e032100"],
  [
    23,
    () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    "3059301306072a8648ce3d020106082a8648ce3d030107034200",
  ],
  [
    24,
    () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
    "3076301006072a8648ce3d020106052b81040022036200",
  ],
  [
    25,
    () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
    "30819b301006072a8648ce3d020106052b8104002303818600",
  ],
  [30, () => generateKeyPairSync("x448"), "3042300506032b656f033900"],
];

/**
 * X25519 beside ML-KEM-768, and the DER in front of the latter's key (draft-ietf-tls-ecdhe-mlkem
 * §3).
 */
const X25519MLKEM768 = 4588;
const ML_KEM_PREFIX_BYTES = 22;
const ML_KEM_CIPHERTEXT_BYTES = 1088;

/**
 * A fresh key of the first of these groups that we can compute with; undefined where there is none.
 */
export function generateKey(groups: readonly number[]): OwnKey | undefined {
  for (const code of groups) {
    if (code === X25519MLKEM768) return hybridKey();
    const group = GROUPS.find(([one]) => one === code);
    if (group !== undefined) return plainKey(group);
  }
  return undefined;
}

/** The groups that we can compute with. */
export const COMPUTED_GROUPS: readonly number[] = [...GROUPS.map(([code]) => code), X25519MLKEM768];

/** Both kinds of key side by side, ML-KEM's first. */
function hybridKey(): OwnKey {
  const classic = plainKey(GROUPS[0] as (typeof GROUPS)[number]);
  const { publicKey, privateKey } = generateKeyPairSync("ml-kem-768");
  const encapsulation = publicKey
    .export({ type: "spki", format: "der" })
    .subarray(ML_KEM_PREFIX_BYTES);
  return {
    share: { group: X25519MLKEM768, key: Buffer.concat([encapsulation, classic.share.key]) },
    agree: (theirs) =>
      Buffer.concat([
        decapsulate(privateKey, theirs.subarray(0, ML_KEM_CIPHERTEXT_BYTES)),
        classic.agree(theirs.subarray(ML_KEM_CIPHERTEXT_BYTES)),
      ]),
  };
}

function plainKey([group, generate, hex]: (typeof GROUPS)[number]): OwnKey {
  const prefix = Buffer.from(hex, "hex");
  const { publicKey, privateKey } = generate();
  const key = publicKey.export({ type: "spki", format: "der" }).subarray(prefix.length);
  const agree = (theirs: Uint8Array): Uint8Array => {
    const theirKey = createPublicKey({
      key: Buffer.concat([prefix, theirs]),
      type: "spki",
      format: "der",
    });
    return diffieHellman({ privateKey, publicKey: theirKey });
  };
  return { share: { group, key }, agree };
}
