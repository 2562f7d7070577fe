import { messageOf } from "../lib/errors.ts";
import {
  type DerElement,
  DerReader,
  isStrictTime,
  oidText,
  stringText,
  TAG,
  timeText,
} from "./der.ts";

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
  /** ISO 8601, UTC; undefined where it cannot be read. */
  readonly notBefore: string | undefined;
  readonly notAfter: string | undefined;
  /** SubjectPublicKeyInfo as DER. */
  readonly publicKeyInfo: Uint8Array;
  readonly keyAlgorithm: AlgorithmIdentifier;
  /** The key's own bytes: what OCSP hashes. */
  readonly publicKey: Uint8Array;
  /** Values by object identifier. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Identifiers of those that must be understood (RFC 5280 §4.2). */
  readonly critical: ReadonlySet<string>;
  /** Bytes behind the certificate. */
  readonly trailing: number;
  /** What could not be read. */
  readonly faults: readonly X509Fault[];
}

/** A part of a certificate that cannot be read, and its bytes as they stand. */
export interface X509Fault {
  readonly part: string;
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** An AlgorithmIdentifier (RFC 5280 §4.1.1.2). `oid` has dots; empty when it cannot be read. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  /** DER of the parameters; empty when there are none. */
  readonly parameters: Uint8Array;
}

/**
 * Reads a certificate part by part, and never throws: a part that cannot be read is empty or
 * undefined and stands in `faults`, the others stand. Where its frame is broken, all that would
 * follow is missing.
 */
export function readX509(der: Uint8Array): X509 {
  const faults: X509Fault[] = [];
  const part = partReader(faults);
  const outer = new DerReader(der);
  const certificate = part(
    "certificate",
    { ...NO_ELEMENT, whole: der },
    () => outer.next("certificate", TAG.sequence),
    NO_ELEMENT,
  );
  const [signed = NO_ELEMENT, algorithm, signature] = elements(
    "certificate",
    certificate.body,
    faults,
  );
  const fields = elements("signed part", bodyOf(signed, TAG.sequence), faults);
  const versionField = fields[0]?.tag === 0xa0 ? fields.shift() : undefined;
  const [serial, innerAlgorithm, issuer, validity, subject, keyInfo, ...optional] = fields;
  const [notBefore, notAfter] = elements("validity", bodyOf(validity, TAG.sequence), faults);
  const keyParts = elements("public key", bodyOf(keyInfo, TAG.sequence), faults);
  return {
    der: certificate.whole.length === 0 ? der : certificate.whole,
    signed: signed.whole,
    version: versionField === undefined ? 1 : part("version", versionField, versionOf, 0),
    serial: part("serial number", serial, bodyIf(TAG.integer), NO_BYTES),
    signatureAlgorithm: part("signature algorithm", algorithm, algorithmOf, NO_ALGORITHM),
    innerAlgorithm: part("inner signature algorithm", innerAlgorithm, algorithmOf, NO_ALGORITHM),
    signature: part("signature", signature, bitsOf, NO_BYTES),
    issuer: part("issuer", issuer, nameOf, issuer?.whole ?? NO_BYTES),
    subject: part("subject", subject, nameOf, subject?.whole ?? NO_BYTES),
    notBefore: readTime("start of validity", notBefore, faults),
    notAfter: readTime("end of validity", notAfter, faults),
    publicKeyInfo: keyInfo?.whole ?? NO_BYTES,
    keyAlgorithm: part("key algorithm", keyParts[0], algorithmOf, NO_ALGORITHM),
    publicKey: part("public key", keyParts[1], bitsOf, NO_BYTES),
    ...readExtensions(optional, faults),
    trailing: certificate.whole.length === 0 ? 0 : outer.left,
    faults,
  };
}

/** The subject of a certificate alone, without a look at the rest; undefined where its frame is broken. */
export function subjectOf(der: Uint8Array): Uint8Array | undefined {
  try {
    const signed = new DerReader(der)
      .inside("certificate", TAG.sequence)
      .inside("signed part", TAG.sequence);
    signed.optional(0xa0, "version");
    for (const name of ["serial number", "signature algorithm", "issuer", "validity"])
      signed.next(name);
    return signed.next("subject", TAG.sequence).whole;
  } catch {
    return undefined;
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_ELEMENT: DerElement = { tag: 0, body: NO_BYTES, whole: NO_BYTES };
const NO_ALGORITHM: AlgorithmIdentifier = { oid: "", parameters: NO_BYTES };

/** The elements of a body one after the other, up to where its frame is broken. */
function elements(part: string, bytes: Uint8Array, faults: X509Fault[]): DerElement[] {
  const found: DerElement[] = [];
  const reader = new DerReader(bytes);
  try {
    for (const element of reader.rest(part)) found.push(element);
  } catch (thrown) {
    faults.push({ part, reason: messageOf(thrown), bytes });
  }
  return found;
}

/** An element's content where it is of this kind; else nothing, so that what is inside is missing. */
function bodyOf(element: DerElement | undefined, tag: number): Uint8Array {
  return element?.tag === tag ? element.body : NO_BYTES;
}

type ReadPart = <T>(
  part: string,
  element: DerElement | undefined,
  read: (element: DerElement) => T,
  otherwise: T,
) => T;

function partReader(faults: X509Fault[]): ReadPart {
  return (part, element, read, otherwise) => {
    if (element === undefined) {
      faults.push({ part, reason: "it is missing", bytes: NO_BYTES });
      return otherwise;
    }
    try {
      return read(element);
    } catch (thrown) {
      faults.push({ part, reason: messageOf(thrown), bytes: element.whole });
      return otherwise;
    }
  };
}

/** A time that is not written as it must be is read, and a fault all the same. */
function readTime(
  part: string,
  element: DerElement | undefined,
  faults: X509Fault[],
): string | undefined {
  const time = partReader(faults)(part, element, timeText, undefined);
  if (time !== undefined && element !== undefined && !isStrictTime(element))
    faults.push({ part, reason: "it is not written as RFC 5280 wants it", bytes: element.whole });
  return time;
}

function versionOf({ body }: DerElement): number {
  const version = new DerReader(body).next("version", TAG.integer).body;
  return (version.at(-1) ?? 0) + 1;
}

function bodyIf(tag: number): (element: DerElement) => Uint8Array {
  return ({ whole }) => new DerReader(whole).next("value", tag).body;
}

function algorithmOf({ whole }: DerElement): AlgorithmIdentifier {
  return readAlgorithm(new DerReader(whole), "algorithm");
}

function bitsOf({ whole }: DerElement): Uint8Array {
  return bitString(new DerReader(whole), "bits");
}

/** The name as it stands; its attributes must be readable. */
function nameOf({ whole }: DerElement): Uint8Array {
  nameAttributes(whole);
  return whole;
}

/** An AlgorithmIdentifier, the next in `reader`. Throws `PEER_CERTIFICATE`. */
export function readAlgorithm(reader: DerReader, name: string): AlgorithmIdentifier {
  const parts = reader.inside(name, TAG.sequence);
  const oid = oidText(parts.next(name, TAG.oid).body);
  return {
    oid,
    parameters: parts.left > 0 ? parts.next(`${name}'s parameters`).whole : new Uint8Array(0),
  };
}

/** A bit string's bytes without the count of unused bits. Throws `PEER_CERTIFICATE`. */
export function bitString(reader: DerReader, name: string): Uint8Array {
  return reader.next(name, TAG.bitString).body.subarray(1);
}

/** Most extensions that are read: real certificates have some ten. */
const MAX_EXTENSIONS = 128;

function readExtensions(
  optional: readonly DerElement[],
  faults: X509Fault[],
): Pick<X509, "extensions" | "critical"> {
  const [extensions, critical] = [new Map<string, Uint8Array>(), new Set<string>()];
  // [1] and [2] are unique identifiers, which nobody uses.
  const field = optional.find(({ tag }) => tag === 0xa3);
  const list = field === undefined ? undefined : elements("extensions", field.body, faults)[0];
  const entries = elements("extensions", bodyOf(list, TAG.sequence), faults);
  for (const [index, { whole }] of entries.entries()) {
    const part = `extension ${index + 1}`;
    if (index >= MAX_EXTENSIONS) {
      faults.push({ part, reason: `there are ${entries.length}`, bytes: whole });
      break;
    }
    try {
      const extension = new DerReader(whole).inside(part, TAG.sequence);
      const oid = oidText(extension.next("name", TAG.oid).body);
      const flag = extension.optional(TAG.boolean, "flag");
      if ((flag?.body[0] ?? 0) !== 0) critical.add(oid);
      const value = extension.next("value", TAG.octetString).body;
      if (extensions.has(oid))
        faults.push({ part: `extension ${oid}`, reason: "it stands there twice", bytes: whole });
      else extensions.set(oid, value);
    } catch (thrown) {
      faults.push({ part, reason: messageOf(thrown), bytes: whole });
    }
  }
  return { extensions, critical };
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
