import { createHash, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { addressBytes } from "../lib/ip-bytes.ts";

/** For whom a certificate is made, and for how long: epoch milliseconds. */
export interface SelfSignedOptions {
  readonly key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** Names and addresses; the first is the subject's, too. */
  readonly names: readonly string[];
  readonly from: number;
  readonly until: number;
}

/** A server's certificate that its own key has signed, ECDSA with SHA-256, as DER (RFC 5280 §4.1). */
export function selfSigned({ key, names, from, until }: SelfSignedOptions): Buffer {
  const name = sequence(
    der(SET, sequence(oid(OID.commonName), der(UTF8_STRING, Buffer.from(names[0] ?? "Saker")))),
  );
  const publicKey = key.publicKey.export({ type: "spki", format: "der" });
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    der(CONTEXT + 0, der(INTEGER, Uint8Array.of(VERSION_3))),
    der(INTEGER, serial()),
    algorithm,
    name,
    sequence(time(from), time(until)),
    name,
    publicKey,
    der(CONTEXT + 3, sequence(...extensions(publicKey, names))),
  );
  return sequence(body, algorithm, bitString(sign("sha256", body, key.privateKey)));
}

/** It is a server's, and no authority. */
function extensions(publicKey: Uint8Array, names: readonly string[]): Buffer[] {
  const keyId = createHash("sha256").update(publicKey).digest().subarray(0, KEY_ID_BYTES);
  return [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, der(BIT_STRING, Uint8Array.of(7, DIGITAL_SIGNATURE)), true),
    extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth))),
    extension(OID.subjectKeyIdentifier, der(OCTET_STRING, keyId)),
    extension(OID.subjectAltName, sequence(...names.map(generalName))),
  ];
}

function extension(id: readonly number[], value: Uint8Array, isCritical = false): Buffer {
  const critical = isCritical ? [der(BOOLEAN, Uint8Array.of(0xff))] : [];
  return sequence(oid(id), ...critical, der(OCTET_STRING, value));
}

function generalName(name: string): Buffer {
  const address = isIP(name) === 0 ? undefined : addressBytes(name);
  return address === undefined
    ? der(DNS_NAME, Buffer.from(name, "latin1"))
    : der(IP_ADDRESS, address);
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().slice(0, 19).replace(/[-:T]/g, "");
  return digits < "2050"
    ? der(UTC_TIME, Buffer.from(`${digits.slice(2)}Z`))
    : der(GENERALIZED_TIME, Buffer.from(`${digits}Z`));
}

/** Positive, and without a first byte that says nothing: so DER writes it (X.690 §8.3.2). */
function serial(): Buffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes;
}

function bitString(bytes: Uint8Array): Buffer {
  return der(BIT_STRING, Uint8Array.of(0), bytes);
}

function oid([first = 0, second = 0, ...arcs]: readonly number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const arc of arcs) {
    const groups = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) groups.unshift(0x80 | (rest & 0x7f));
    bytes.push(...groups);
  }
  return der(OBJECT_IDENTIFIER, Uint8Array.from(bytes));
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(SEQUENCE, ...parts);
}

/** Tag, length, contents (X.690 §8.1); of at most 65,535 bytes. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...size), body]);
}

const [BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER] = [1, 2, 3, 4, 6] as const;
const [UTF8_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET] = [12, 23, 24, 0x30, 0x31] as const;
/** Constructed, of a context. */
const CONTEXT = 0xa0;
/** Of a GeneralName. */
const [DNS_NAME, IP_ADDRESS] = [0x82, 0x87] as const;
const VERSION_3 = 2;
const DIGITAL_SIGNATURE = 0x80;
const SERIAL_BYTES = 16;
const KEY_ID_BYTES = 20;

const OID = {
  commonName: [2, 5, 4, 3],
  subjectKeyIdentifier: [2, 5, 29, 14],
  keyUsage: [2, 5, 29, 15],
  subjectAltName: [2, 5, 29, 17],
  basicConstraints: [2, 5, 29, 19],
  extendedKeyUsage: [2, 5, 29, 37],
  serverAuth: [1, 3, 6, 1, 5, 5, 7, 3, 1],
  ecdsaWithSha256: [1, 2, 840, 10045, 4, 3, 2],
} as const;
