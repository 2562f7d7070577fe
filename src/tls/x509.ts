import { DerReader, oidText, stringText, TAG, timeText } from "./der.ts";

/**
 * A certificate's parts (RFC 5280 §4.1): what is text here is readable, what is bytes is as it
 * stands in the certificate.
 */
export interface X509 {
  /** Without bytes that trail behind it. */
  readonly der: Uint8Array;
  /** What the signature is over. */
  readonly signed: Uint8Array;
  /** 1 to 3; anything else is odd. */
  readonly version: number;
  readonly serial: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  /** The same again inside the signed part; a sound certificate has it equal. */
  readonly innerAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** Names as DER: equal bytes, equal names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** SubjectPublicKeyInfo as DER. */
  readonly publicKeyInfo: Uint8Array;
  readonly keyAlgorithm: AlgorithmIdentifier;
  /** The key's own bytes: what OCSP hashes. */
  readonly publicKey: Uint8Array;
  /** Values by object identifier. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Bytes behind the certificate. */
  readonly trailing: number;
}

export interface AlgorithmIdentifier {
  readonly oid: string;
  /** DER of the parameters; empty when there are none. */
  readonly parameters: Uint8Array;
}

/** Reads a DER certificate. Throws `PEER_CERTIFICATE`. */
export function readX509(der: Uint8Array): X509 {
  const outer = new DerReader(der);
  const certificate = outer.next("certificate", TAG.sequence);
  const parts = new DerReader(certificate.body);
  const signed = parts.next("signed part", TAG.sequence);
  const signatureAlgorithm = readAlgorithm(parts, "signature algorithm");
  const signature = bitString(parts, "signature");
  const fields = new DerReader(signed.body);
  const version =
    fields.tag === 0xa0
      ? (fields.inside("version").next("version", TAG.integer).body.at(-1) ?? 0) + 1
      : 1;
  const serial = fields.next("serial number", TAG.integer).body;
  const innerAlgorithm = readAlgorithm(fields, "inner signature algorithm");
  const issuer = fields.next("issuer", TAG.sequence).whole;
  const validity = fields.inside("validity", TAG.sequence);
  const [notBefore, notAfter] = [
    timeText(validity.next("start of validity")),
    timeText(validity.next("end of validity")),
  ];
  const subject = fields.next("subject", TAG.sequence).whole;
  const keyInfo = fields.next("public key", TAG.sequence);
  const keyParts = new DerReader(keyInfo.body);
  const keyAlgorithm = readAlgorithm(keyParts, "key algorithm");
  return {
    der: certificate.whole,
    signed: signed.whole,
    version,
    serial,
    signatureAlgorithm,
    innerAlgorithm,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKeyInfo: keyInfo.whole,
    keyAlgorithm,
    publicKey: bitString(keyParts, "public key"),
    extensions: readExtensions(fields),
    trailing: outer.left,
  };
}

/** An AlgorithmIdentifier, the next in `reader`. */
export function readAlgorithm(reader: DerReader, name: string): AlgorithmIdentifier {
  const parts = reader.inside(name, TAG.sequence);
  const oid = oidText(parts.next(name, TAG.oid).body);
  return {
    oid,
    parameters: parts.left > 0 ? parts.next(`${name}'s parameters`).whole : new Uint8Array(0),
  };
}

/** A bit string's bytes without the count of unused bits. */
export function bitString(reader: DerReader, name: string): Uint8Array {
  return reader.next(name, TAG.bitString).body.subarray(1);
}

function readExtensions(fields: DerReader): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  for (const part of fields.rest("optional part")) {
    // [1] and [2] are unique identifiers, which nobody uses.
    if (part.tag !== 0xa3) continue;
    const list = new DerReader(part.body).inside("extensions", TAG.sequence);
    while (list.left > 0) {
      const extension = list.inside("extension", TAG.sequence);
      const oid = oidText(extension.next("extension's name", TAG.oid).body);
      extension.optional(TAG.boolean, "extension's flag");
      extensions.set(oid, extension.next("extension's value", TAG.octetString).body);
    }
  }
  return extensions;
}

/** Attribute types as names are written (RFC 4514 §3, and what certificates carry besides). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.15": "businessCategory",
  "2.5.4.17": "postalCode",
  "2.5.4.42": "GN",
  "2.5.4.46": "dnQualifier",
  "2.5.4.97": "organizationIdentifier",
  "1.2.840.113549.1.9.1": "emailAddress",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
};

/** A name's attributes in their order: type and value. Throws `PEER_CERTIFICATE`. */
export function nameAttributes(name: Uint8Array): (readonly [type: string, value: string])[] {
  const attributes: [string, string][] = [];
  const sets = new DerReader(name).inside("name", TAG.sequence);
  while (sets.left > 0) {
    const set = sets.inside("name's part", TAG.set);
    while (set.left > 0) {
      const attribute = set.inside("attribute", TAG.sequence);
      const oid = oidText(attribute.next("attribute's type", TAG.oid).body);
      attributes.push([ATTRIBUTES[oid] ?? oid, stringText(attribute.next("attribute's value"))]);
    }
  }
  return attributes;
}

/** `C=DE, O=Example, CN=www.example.org`: a name in its own order. Throws `PEER_CERTIFICATE`. */
export function nameText(name: Uint8Array): string {
  return nameAttributes(name)
    .map(([type, value]) => `${type}=${value.replace(/[,+"\\<>;]/g, String.raw`\$&`)}`)
    .join(", ");
}
