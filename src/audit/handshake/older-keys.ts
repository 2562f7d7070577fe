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
  readonly keyExchange: "RSA" | "DHE_RSA" | "ECDHE_RSA" | "ECDHE_ECDSA";
  /** As Node calls it. */
  readonly cipher: string;
  readonly isCbc: boolean;
  readonly keyBytes: 16 | 32;
  /** The MAC of CBC suites. */
  readonly mac: "sha1" | "sha256" | "sha384";
  /** Of the PRF in TLS 1.2. */
  readonly hash: "sha256" | "sha384";
}

/**
 * What a suite needs, for those that we can compute with: AES and ChaCha20 with RSA, DHE or ECDHE;
 * undefined for others.
 */
export function olderProtection(suite: number): OlderProtection | undefined {
  const [, keyExchange, cipher = "", digest] =
    /^TLS_(RSA|DHE_RSA|ECDHE_RSA|ECDHE_ECDSA)_WITH_(AES_(?:128|256)_(?:CBC|GCM)|CHACHA20_POLY1305)_(SHA|SHA256|SHA384)$/.exec(
      cipherSuite(suite).name,
    ) ?? [];
  if (keyExchange === undefined) return undefined;
  const hash = digest === "SHA384" ? "sha384" : "sha256";
  return {
    keyExchange: keyExchange as OlderProtection["keyExchange"],
    cipher: cipher.startsWith("AES") ? cipher.toLowerCase().replaceAll("_", "-") : CHACHA20,
    isCbc: cipher.endsWith("CBC"),
    keyBytes: cipher.startsWith("AES_128") ? 16 : 32,
    mac: digest === "SHA" ? "sha1" : hash,
    hash,
  };
}

const CHACHA20 = "chacha20-poly1305";
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
  /** Agreed on by extension (RFC 7627); default no. */
  readonly hasExtendedMaster?: boolean;
  /** Agreed on by extension, for CBC suites (RFC 7366); default no. */
  readonly encryptsThenMacs?: boolean;
}

/** How a record's padding is to be wrong: right, or one byte of it. */
export type Padding = "right" | "wrong";

/** What a client encrypts once both sides have their keys, record by record. */
export class OlderClient {
  readonly #secrets: OlderSecrets;
  readonly #master: Uint8Array;
  readonly #macKey: Uint8Array;
  readonly #key: Uint8Array;
  /** A salt; of CBC before TLS 1.1 the last block, and empty from then on. */
  #iv: Uint8Array;
  #sequence = 0n;

  constructor(secrets: OlderSecrets) {
    const { version, protection, premaster, clientRandom, serverRandom } = secrets;
    const { isCbc, cipher, keyBytes, mac } = protection;
    const macBytes = isCbc ? MAC_BYTES[mac] : 0;
    const ivBytes = isCbc ? (version === 0x0301 ? 16 : 0) : cipher === CHACHA20 ? 12 : 4;
    const [label, seed] =
      secrets.hasExtendedMaster === true
        ? ["extended master secret", transcriptHash(secrets)]
        : ["master secret", Buffer.concat([clientRandom, serverRandom])];
    this.#master = prf(secrets, premaster, label, seed, 48);
    const keys = prf(
      secrets,
      this.#master,
      "key expansion",
      Buffer.concat([serverRandom, clientRandom]),
      2 * (macBytes + keyBytes + ivBytes),
    );
    const rest = keys.subarray(2 * macBytes);
    this.#secrets = secrets;
    this.#macKey = keys.subarray(0, macBytes);
    this.#key = rest.subarray(0, keyBytes);
    this.#iv = rest.subarray(2 * keyBytes, 2 * keyBytes + ivBytes);
  }

  /** Finished as an encrypted record's body (RFC 5246 §7.4.9; RFC 2246): the first record. */
  finished(padding: Padding = "right"): Uint8Array {
    const digest = transcriptHash(this.#secrets);
    const message = Buffer.concat([
      Uint8Array.of(20, 0, 0, 12),
      prf(this.#secrets, this.#master, "client finished", digest, 12),
    ]);
    return this.seal(HANDSHAKE, message, padding);
  }

  /** The body of the next record. */
  seal(type: number, content: Uint8Array, padding: Padding = "right"): Uint8Array {
    const sealed = this.#secrets.protection.isCbc
      ? this.#sealCbc(type, content, padding)
      : this.#sealAead(type, content);
    this.#sequence += 1n;
    return sealed;
  }

  #header(type: number, length: number): Uint8Array {
    const { version } = this.#secrets;
    return Buffer.concat([
      this.#number(),
      new ByteWriter().u8(type).u16(version).u16(length).finish(),
    ]);
  }

  #number(): Buffer {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(this.#sequence);
    return number;
  }

  /** RFC 5246 §6.2.3.2. */
  #sealCbc(type: number, content: Uint8Array, padding: Padding): Uint8Array {
    const { protection, encryptsThenMacs = false } = this.#secrets;
    const mac = (bytes: Uint8Array): Uint8Array =>
      createHmac(protection.mac, this.#macKey)
        .update(this.#header(type, bytes.length))
        .update(bytes)
        .digest();
    const inside = encryptsThenMacs ? content : Buffer.concat([content, mac(content)]);
    // A block more than needed, so that there is padding to be wrong.
    const length = 31 - (inside.length % 16);
    const filler = Buffer.alloc(length + 1, length);
    if (padding === "wrong") filler[0] = length ^ 0x55;
    const isChained = this.#iv.length > 0;
    const iv = isChained ? this.#iv : randomBytes(16);
    const cipher = createCipheriv(protection.cipher, this.#key, iv).setAutoPadding(false);
    const sealed = Buffer.concat([
      ...(isChained ? [] : [iv]),
      cipher.update(Buffer.concat([inside, filler])),
      cipher.final(),
    ]);
    if (isChained) this.#iv = sealed.subarray(-16);
    return encryptsThenMacs ? Buffer.concat([sealed, mac(sealed)]) : sealed;
  }

  /** RFC 5288 §3, where the number goes along as the explicit nonce; RFC 7905 §2. */
  #sealAead(type: number, content: Uint8Array): Uint8Array {
    const { cipher: name } = this.#secrets.protection;
    const isGcm = name !== CHACHA20;
    const number = this.#number();
    const nonce = isGcm ? Buffer.concat([this.#iv, number]) : Buffer.from(this.#iv);
    if (!isGcm) nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence, 4);
    // The type says GCM; Node takes ChaCha20 by the same call.
    const cipher = createCipheriv(name as CipherGCMTypes, this.#key, nonce, { authTagLength: 16 });
    cipher.setAAD(this.#header(type, content.length));
    const sealed = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return isGcm ? Buffer.concat([number, sealed]) : sealed;
  }
}

const HANDSHAKE = 22;

/** Of all handshake messages so far. */
function transcriptHash({ version, protection, transcript }: OlderSecrets): Buffer {
  return version === 0x0303
    ? hashOf(protection.hash, transcript)
    : Buffer.concat([hashOf("md5", transcript), hashOf("sha1", transcript)]);
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
