import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { KeyShare } from "../tls/client-hello.ts";

/** One group's private key, and what the server gets of it. */
export interface OwnKey {
  readonly share: KeyShare;
  /** What both sides then know. Throws when the server's key is none of this group. */
  readonly agree: (theirs: Uint8Array) => Uint8Array;
}

/** Groups that Node computes with: code, its name there, and the DER that a raw public key needs in front of it. */
const GROUPS: readonly (readonly [code: number, generate: () => { publicKey: KeyObject; privateKey: KeyObject }, prefix: string])[] = [
  [29, () => generateKeyPairSync("x25519"), "302a300506032b656e032100"],
  [23, () => generateKeyPairSync("ec", { namedCurve: "P-256" }), "3059301306072a8648ce3d020106082a8648ce3d030107034200"],
  [24, () => generateKeyPairSync("ec", { namedCurve: "P-384" }), "3076301006072a8648ce3d020106052b81040022036200"],
  [25, () => generateKeyPairSync("ec", { namedCurve: "P-521" }), "30819b301006072a8648ce3d020106052b8104002303818600"],
  [30, () => generateKeyPairSync("x448"), "3042300506032b656f033900"],
];

/** Fresh keys for all groups that we can compute with. */
export function generateKeys(): OwnKey[] {
  return GROUPS.map(([group, generate, hex]) => {
    const prefix = Buffer.from(hex, "hex");
    const { publicKey, privateKey } = generate();
    const key = publicKey.export({ type: "spki", format: "der" }).subarray(prefix.length);
    const agree = (theirs: Uint8Array): Uint8Array => {
      const theirKey = createPublicKey({ key: Buffer.concat([prefix, theirs]), type: "spki", format: "der" });
      return diffieHellman({ privateKey, publicKey: theirKey });
    };
    return { share: { group, key }, agree };
  });
}
