import {
  createCipheriv,
  createHash,
  createHmac,
  type CipherGCMTypes,
  randomBytes,
} from "node:crypto";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";

/** How a suite of TLS 1.0 to 1.2 protects records. */
export interface OlderProtection {
  readonly keyExchange: "RSA" | "ECDHE_RSA" | "ECDHE_ECDSA";
  readonly isCbc: boolean;
  readonly keyBytes: 16 | 32;
  /** The MAC of CBC suites. */
  readonly mac: "sha1" | "sha256" | "sha384";
  /** Of the PRF in TLS 1.2. */
  readonly hash: "sha256" | "sha384";
}

/**
 * What a suite needs, for those that we can compute with: AES with RSA or ECDHE; undefined for
 * others.
 */
export function olderProtection(suite: number): OlderProtection | undefined {
  const [, keyExchange, bits, mode, digest] =
    /^TLS_(RSA|ECDHE_RSA|ECDHE_ECDSA)_WITH_AES_(128|256)_(CBC|GCM)_(SHA|SHA256|SHA384)$/.exec(
      cipherSuite(suite).name,
    ) ?? [];
  if (keyExchange !== "RSA" && keyExchange !== "ECDHE_RSA" && keyExchange !== "ECDHE_ECDSA")
    return undefined;
  const hash = digest === "SHA384" ? "sha384" : "sha256";
  return {
    keyExchange,
    isCbc: mode === "CBC",
    keyBytes: bits === "128" ? 16 : 32,
    mac: digest === "SHA" ? "sha1" : hash,
    hash,
  };
}

const MAC_BYTES = { sha1: 20, sha256: 32, sha384: 48 } as const;

/** What both sides have said, and what they share: all that keys are made of. */
export interface OlderSecrets {
  readonly version: number;
  readonly protection: OlderProtection;
  readonly premaster: Uint8Array;
  readonly clientRandom: Uint8Array;
  readonly serverRandom: Uint8Array;
  /** Handshake messages of both sides up to ClientKeyExchange. */
  readonly transcript: Uint8Array;
}

/** How a record's padding is to be wrong: right, or one byte of it. */
export type Padding = "right" | "wrong";

/** The client's Finished as an encrypted record's body (RFC 5246 §7.4.9, §6.2.3; RFC 2246). */
export function sealFinished(secrets: OlderSecrets, padding: Padding = "right"): Uint8Array {
  const { version, protection, premaster, clientRandom, serverRandom, transcript } = secrets;
  const macBytes = protection.isCbc ? MAC_BYTES[protection.mac] : 0;
  const ivBytes = protection.isCbc ? (version === 0x0301 ? 16 : 0) : 4;
  const master = prf(
    secrets,
    premaster,
    "master secret",
    Buffer.concat([clientRandom, serverRandom]),
    48,
  );
  const keys = prf(
    secrets,
    master,
    "key expansion",
    Buffer.concat([serverRandom, clientRandom]),
    2 * (macBytes + protection.keyBytes + ivBytes),
  );
  const [macKey, rest] = [keys.subarray(0, macBytes), keys.subarray(2 * macBytes)];
  const [key, iv] = [
    rest.subarray(0, protection.keyBytes),
    rest.subarray(2 * protection.keyBytes, 2 * protection.keyBytes + ivBytes),
  ];
  const digest =
    version === 0x0303
      ? hashOf(protection.hash, transcript)
      : Buffer.concat([hashOf("md5", transcript), hashOf("sha1", transcript)]);
  const message = Buffer.concat([
    Uint8Array.of(20, 0, 0, 12),
    prf(secrets, master, "client finished", digest, 12),
  ]);
  return protection.isCbc
    ? sealCbc({ version, macKey, mac: protection.mac, key, iv, padding }, message)
    : sealGcm(version, key, iv, message);
}

interface CbcKeys {
  readonly version: number;
  readonly macKey: Uint8Array;
  readonly mac: string;
  readonly key: Uint8Array;
  /** Empty from TLS 1.1 on: each record then brings its own. */
  readonly iv: Uint8Array;
  readonly padding: Padding;
}

const HANDSHAKE = 22;

function sealCbc(
  { version, macKey, mac, key, iv, padding }: CbcKeys,
  message: Uint8Array,
): Uint8Array {
  const header = new ByteWriter()
    .u32(0)
    .u32(0)
    .u8(HANDSHAKE)
    .u16(version)
    .u16(message.length)
    .finish();
  const tag = createHmac(mac, macKey).update(header).update(message).digest();
  // A block more than needed, so that there is padding to be wrong.
  const length = 31 - ((message.length + tag.length) % 16);
  const filler = Buffer.alloc(length + 1, length);
  if (padding === "wrong") filler[0] = length ^ 0x55;
  const own = iv.length === 0 ? randomBytes(16) : iv;
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, own).setAutoPadding(false);
  const sealed = Buffer.concat([
    cipher.update(Buffer.concat([message, tag, filler])),
    cipher.final(),
  ]);
  return iv.length === 0 ? Buffer.concat([own, sealed]) : sealed;
}

/** RFC 5288 §3: the first record's explicit nonce is zero. */
function sealGcm(
  version: number,
  key: Uint8Array,
  salt: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  const nonce = Buffer.alloc(8);
  const cipher = createCipheriv(
    `aes-${key.length * 8}-gcm` as CipherGCMTypes,
    key,
    Buffer.concat([salt, nonce]),
  );
  cipher.setAAD(
    new ByteWriter().u32(0).u32(0).u8(HANDSHAKE).u16(version).u16(message.length).finish(),
  );
  const sealed = Buffer.concat([cipher.update(message), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
}

/** The PRF (RFC 5246 §5; RFC 2246 §5 before TLS 1.2). */
export function prf(
  { version, protection }: Pick<OlderSecrets, "version" | "protection">,
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  if (version === 0x0303) return expand(protection.hash, secret, labelled, length);
  const half = Math.ceil(secret.length / 2);
  const [md5, sha1] = [
    expand("md5", secret.subarray(0, half), labelled, length),
    expand("sha1", secret.subarray(secret.length - half), labelled, length),
  ];
  return Buffer.from(md5.map((byte, index) => byte ^ (sha1[index] ?? 0)));
}

function expand(hash: string, secret: Uint8Array, seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  let chain: Uint8Array = seed;
  for (let made = 0; made < length; made += blocks.at(-1)?.length ?? length) {
    chain = createHmac(hash, secret).update(chain).digest();
    blocks.push(createHmac(hash, secret).update(chain).update(seed).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function hashOf(name: string, bytes: Uint8Array): Buffer {
  return createHash(name).update(bytes).digest();
}
