import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { type LongPacket, type QuicVersion, writeNumber } from "../../tls/quic.ts";
import {
  expandLabel,
  IV_BYTES,
  type Protection,
  PROTECTIONS,
} from "../handshake/handshake-keys.ts";

/** Initial packets are always protected with this suite (RFC 9001 §5.2). */
const INITIAL_SUITE = 0x1301;

/** Bytes of ciphertext that the header's mask is made from (RFC 9001 §5.4.2). */
const SAMPLE_BYTES = 16;

/** Packet numbers are always written in four bytes. */
const NUMBER_BYTES = 4;

/**
 * The keys of both directions while Initial packets are spoken (RFC 9001 §5.2): anybody who sees
 * the client's first destination id can make them.
 */
export function initialProtection(
  version: QuicVersion,
  destination: Uint8Array,
): { readonly client: QuicProtection; readonly server: QuicProtection } {
  const protection = PROTECTIONS[INITIAL_SUITE] as Protection;
  const secret = createHmac("sha256", Buffer.from(version.salt, "hex"))
    .update(destination)
    .digest();
  const side = (label: string): QuicProtection =>
    new QuicProtection(
      version,
      protection,
      expandLabel("sha256", secret, { label, length: secret.length }),
    );
  return { client: side("client in"), server: side("server in") };
}

/** What a packet is to be made of. */
export interface PlainPacket {
  readonly type: number;
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  /** Of Initial packets alone. */
  readonly token: Uint8Array | undefined;
  readonly number: number;
  readonly payload: Uint8Array;
}

/** Protects and opens the packets of one direction (RFC 9001 §5.3, §5.4). */
export class QuicProtection {
  readonly #version: QuicVersion;
  readonly #protection: Protection;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #headerKey: Buffer;

  constructor(version: QuicVersion, protection: Protection, secret: Uint8Array) {
    const { hash, keyBytes } = protection;
    const { labelPrefix } = version;
    this.#version = version;
    this.#protection = protection;
    this.#key = expandLabel(hash, secret, { label: `${labelPrefix}key`, length: keyBytes });
    this.#iv = expandLabel(hash, secret, { label: `${labelPrefix}iv`, length: IV_BYTES });
    this.#headerKey = expandLabel(hash, secret, { label: `${labelPrefix}hp`, length: keyBytes });
  }

  seal({ type, destination, source, token, number, payload }: PlainPacket): Uint8Array {
    const { cipher, tagBytes } = this.#protection;
    const writer = new ByteWriter();
    writer.u8(0xc0 | (type << 4) | (NUMBER_BYTES - 1)).u32(this.#version.code);
    writer.vector(1, (id) => id.bytes(destination)).vector(1, (id) => id.bytes(source));
    if (token !== undefined) {
      writeNumber(writer, token.length);
      writer.bytes(token);
    }
    writeNumber(writer, NUMBER_BYTES + payload.length + tagBytes);
    const numberOffset = writer.length;
    const header = writer.u32(number).finish();
    const sealer = createCipheriv(cipher as CipherGCMTypes, this.#key, this.#nonce(number), {
      authTagLength: tagBytes,
    });
    sealer.setAAD(header, { plaintextLength: payload.length });
    const packet = Buffer.concat([
      header,
      sealer.update(payload),
      sealer.final(),
      sealer.getAuthTag(),
    ]);
    const mask = this.#mask(packet.subarray(numberOffset + 4, numberOffset + 4 + SAMPLE_BYTES));
    packet[0] = (packet[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f);
    for (let at = 0; at < NUMBER_BYTES; at += 1)
      packet[numberOffset + at] = (packet[numberOffset + at] ?? 0) ^ (mask[1 + at] ?? 0);
    return packet;
  }

  /** A packet's number and payload. Throws `PEER_TLS` when it was not sealed with these keys. */
  open({ whole, numberOffset }: Extract<LongPacket, { whole: Uint8Array }>): {
    readonly number: number;
    readonly payload: Uint8Array;
  } {
    const { cipher, tagBytes } = this.#protection;
    if (whole.length < numberOffset + 4 + SAMPLE_BYTES)
      throw new AppError("PEER_TLS", "Cannot open a QUIC packet: it is shorter than its sample");
    const mask = this.#mask(whole.subarray(numberOffset + 4, numberOffset + 4 + SAMPLE_BYTES));
    const first = (whole[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f);
    const end = numberOffset + (first & 3) + 1;
    const header = Buffer.from(whole.subarray(0, end));
    header[0] = first;
    let number = 0;
    for (let at = numberOffset; at < end; at += 1) {
      header[at] = (header[at] ?? 0) ^ (mask[1 + at - numberOffset] ?? 0);
      number = number * 256 + (header[at] ?? 0);
    }
    if (whole.length < end + tagBytes)
      throw new AppError("PEER_TLS", "Cannot open a QUIC packet: it is shorter than its tag");
    const sealed = whole.subarray(end, whole.length - tagBytes);
    const opener = createDecipheriv(cipher as CipherGCMTypes, this.#key, this.#nonce(number), {
      authTagLength: tagBytes,
    });
    opener.setAuthTag(whole.subarray(whole.length - tagBytes));
    opener.setAAD(header, { plaintextLength: sealed.length });
    try {
      return { number, payload: Buffer.concat([opener.update(sealed), opener.final()]) };
    } catch (thrown) {
      throw new AppError(
        "PEER_TLS",
        "Cannot open a QUIC packet: it was not sealed with this connection's keys",
        { cause: thrown },
      );
    }
  }

  /** A handshake has few packets: their numbers always fit 32 bits. */
  #nonce(number: number): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    return nonce;
  }

  #mask(sample: Uint8Array): Buffer {
    if (this.#protection.cipher === "chacha20-poly1305")
      return createCipheriv("chacha20", this.#headerKey, sample).update(new Uint8Array(5));
    return createCipheriv(
      this.#headerKey.length === 32 ? "aes-256-ecb" : "aes-128-ecb",
      this.#headerKey,
      null,
    )
      .setAutoPadding(false)
      .update(sample);
  }
}
