import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  type CipherGCMTypes,
} from "node:crypto";
import { AppError } from "../../lib/errors.ts";

/** How a TLS 1.3 suite protects records. */
export interface Protection {
  readonly cipher: string;
  readonly hash: "sha256" | "sha384";
  readonly keyBytes: number;
  readonly tagBytes: number;
}

/** Suites whose records we can read (RFC 8446 §B.4). */
export const PROTECTIONS: Readonly<Record<number, Protection>> = {
  0x1301: { cipher: "aes-128-gcm", hash: "sha256", keyBytes: 16, tagBytes: 16 },
  0x1302: { cipher: "aes-256-gcm", hash: "sha384", keyBytes: 32, tagBytes: 16 },
  0x1303: { cipher: "chacha20-poly1305", hash: "sha256", keyBytes: 32, tagBytes: 16 },
  0x1304: { cipher: "aes-128-ccm", hash: "sha256", keyBytes: 16, tagBytes: 16 },
  0x1305: { cipher: "aes-128-ccm", hash: "sha256", keyBytes: 16, tagBytes: 8 },
};

/** Of every AEAD cipher of TLS 1.3. */
export const IV_BYTES = 12;

/** What both sides encrypt their handshakes from. */
export interface HandshakeSecrets {
  readonly protection: Protection;
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  /** What both encrypt from when the handshake is done. */
  readonly master: Uint8Array;
}

/**
 * The handshake traffic secrets (RFC 8446 §7.1) without a pre-shared key. `shared` is the key
 * exchange's result, `transcript` ClientHello and ServerHello as
 * messages. Throws `PEER_TLS` for a suite that is not known.
 */
export function handshakeSecrets(
  suite: number,
  shared: Uint8Array,
  transcript: readonly Uint8Array[],
): HandshakeSecrets {
  const protection = PROTECTIONS[suite];
  if (protection === undefined)
    throw new AppError(
      "PEER_TLS",
      `Cannot decrypt the handshake: suite 0x${suite.toString(16)} is not known`,
    );
  const { hash } = protection;
  const zeros = Buffer.alloc(createHash(hash).digest().length);
  const early = hmac(hash, zeros, zeros);
  const derived = (secret: Uint8Array): Uint8Array =>
    expandLabel(hash, secret, {
      label: "derived",
      context: createHash(hash).digest(),
      length: zeros.length,
    });
  const handshake = hmac(hash, derived(early), shared);
  const context = transcript
    .reduce((digest, message) => digest.update(message), createHash(hash))
    .digest();
  const secretOf = (side: string): Uint8Array =>
    expandLabel(hash, handshake, { label: `${side} hs traffic`, context, length: zeros.length });
  const master = hmac(hash, derived(handshake), zeros);
  return { protection, client: secretOf("c"), server: secretOf("s"), master };
}

/**
 * Reads the records that a TLS 1.3 server encrypts in its handshake (RFC 8446 §7.1, §7.3, §5.2).
 * `shared` is the key exchange's result, `transcript`
 * ClientHello and ServerHello as they stood in their records.
 */
export class HandshakeDecryption {
  readonly #protection: Protection;
  readonly #keys: TrafficKeys;

  constructor(suite: number, shared: Uint8Array, transcript: readonly Uint8Array[]) {
    const { protection, server } = handshakeSecrets(suite, shared, transcript);
    this.#protection = protection;
    this.#keys = new TrafficKeys(protection, server);
  }

  /**
   * One record's content and its true type. Throws `PEER_TLS` when it is not what the keys made.
   */
  open(
    header: Uint8Array,
    body: Uint8Array,
  ): { readonly type: number; readonly content: Uint8Array } {
    const { cipher, tagBytes } = this.#protection;
    if (body.length < tagBytes)
      throw new AppError("PEER_TLS", "Cannot decrypt a record: it is shorter than its tag");
    const sealed = body.subarray(0, body.length - tagBytes);
    // The type says GCM; Node takes the other AEAD ciphers by the same call.
    const decipher = createDecipheriv(
      cipher as CipherGCMTypes,
      this.#keys.key,
      this.#keys.nonce(),
      { authTagLength: tagBytes },
    );
    decipher.setAuthTag(body.subarray(body.length - tagBytes));
    decipher.setAAD(header, { plaintextLength: sealed.length });
    const plain = Buffer.concat([decipher.update(sealed), decipher.final()]);
    // Zeros behind the type are padding.
    let end = plain.length - 1;
    while (end >= 0 && plain[end] === 0) end -= 1;
    return { type: plain[end] ?? 0, content: plain.subarray(0, Math.max(0, end)) };
  }
}

/** Encrypts a client's records of TLS 1.3 from one traffic secret (RFC 8446 §5.2). */
export class ModernSealing {
  readonly #protection: Protection;
  readonly #keys: TrafficKeys;

  constructor(protection: Protection, secret: Uint8Array) {
    this.#protection = protection;
    this.#keys = new TrafficKeys(protection, secret);
  }

  /** The next record, header included; `content` has at most 16,384 bytes. */
  seal(type: number, content: Uint8Array): Uint8Array {
    const { cipher: name, tagBytes } = this.#protection;
    const length = content.length + 1 + tagBytes;
    const header = Uint8Array.of(23, 3, 3, length >>> 8, length & 0xff);
    // The type says GCM; Node takes the other AEAD ciphers by the same call.
    const cipher = createCipheriv(name as CipherGCMTypes, this.#keys.key, this.#keys.nonce(), {
      authTagLength: tagBytes,
    });
    cipher.setAAD(header, { plaintextLength: content.length + 1 });
    const sealed = cipher.update(Buffer.concat([content, Uint8Array.of(type)]));
    return Buffer.concat([header, sealed, cipher.final(), cipher.getAuthTag()]);
  }
}

/** One side's key and its nonces, one for each record (RFC 8446 §7.3, §5.3). */
class TrafficKeys {
  readonly key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0n;

  constructor({ hash, keyBytes }: Protection, secret: Uint8Array) {
    this.key = expandLabel(hash, secret, { label: "key", length: keyBytes });
    this.#iv = expandLabel(hash, secret, { label: "iv", length: IV_BYTES });
  }

  nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence, 4);
    this.#sequence += 1n;
    return nonce;
  }
}

interface Label {
  readonly label: string;
  /** Empty when left out. */
  readonly context?: Uint8Array;
  readonly length: number;
}

/** HKDF-Expand-Label (RFC 8446 §7.1). */
export function expandLabel(
  hash: string,
  secret: Uint8Array,
  { label, context = new Uint8Array(0), length }: Label,
): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([
    Buffer.from([length >>> 8, length & 0xff, name.length]),
    name,
    Buffer.from([context.length]),
    context,
  ]);
  let [block, okm] = [Buffer.alloc(0), Buffer.alloc(0)];
  for (let index = 1; okm.length < length; index += 1) {
    block = hmac(hash, secret, Buffer.concat([block, info, Buffer.from([index])]));
    okm = Buffer.concat([okm, block]);
  }
  return okm.subarray(0, length);
}

function hmac(hash: string, key: Uint8Array, data: Uint8Array): Buffer<ArrayBuffer> {
  return createHmac(hash, key).update(data).digest();
}
