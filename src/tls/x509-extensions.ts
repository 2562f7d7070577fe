import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { DerReader, hexText, latin1, oidText, TAG } from "./der.ts";
import { nameText, type X509 } from "./x509.ts";

/** Object identifiers of the extensions that we read (RFC 5280 §4.2, RFC 6962 §3.3, RFC 7633). */
export const EXTENSION = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  crlDistributionPoints: "2.5.29.31",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
  tlsFeature: "1.3.6.1.5.5.7.1.24",
  netscapeType: "2.16.840.1.113730.1.1",
  sctList: "1.3.6.1.4.1.11129.2.4.2",
} as const;

/** status_request's number as a TLS extension (RFC 7633 §4.2.3.1). */
const MUST_STAPLE_FEATURE = 5;

/**
 * A name of a certificate: `kind` as openssl writes it, with the value's raw bytes for addresses.
 */
export interface GeneralName {
  readonly kind: "DNS" | "IP Address" | "email" | "URI" | "DirName" | "othername" | "Registered ID";
  readonly value: string;
  readonly bytes: Uint8Array;
}

/**
 * Names that the certificate is for; undefined without the extension. Throws `PEER_CERTIFICATE`.
 */
export function alternativeNames({ extensions }: X509): GeneralName[] | undefined {
  const value = extensions.get(EXTENSION.subjectAltName);
  return value === undefined
    ? undefined
    : readGeneralNames(new DerReader(value).inside("subjectAltName", TAG.sequence));
}

function readGeneralNames(reader: DerReader): GeneralName[] {
  const names: GeneralName[] = [];
  for (const { tag, body } of reader.rest("name")) {
    switch (tag) {
      case 0x81:
        names.push({ kind: "email", value: latin1(body), bytes: body });
        break;
      case 0x82:
        names.push({ kind: "DNS", value: latin1(body), bytes: body });
        break;
      case 0xa4:
        names.push({ kind: "DirName", value: nameText(body), bytes: body });
        break;
      case 0x86:
        names.push({ kind: "URI", value: latin1(body), bytes: body });
        break;
      case 0x87:
        names.push({ kind: "IP Address", value: addressText(body), bytes: body });
        break;
      case 0x88:
        names.push({ kind: "Registered ID", value: oidText(body), bytes: body });
        break;
      case 0xa0: {
        // An identifier and a value (RFC 5280 §4.2.1.6).
        const parts = new DerReader(body);
        parts.next("name's type", TAG.oid);
        parts.inside("name's value", 0xa0).next("name's value");
        names.push({ kind: "othername", value: "<unsupported>", bytes: body });
        break;
      }
      case 0xa3:
      case 0xa5:
        names.push({ kind: "othername", value: "<unsupported>", bytes: body });
        break;
      default:
        throw new AppError("PEER_CERTIFICATE", `Cannot read a name: tag ${tag} is no kind of name`);
    }
  }
  return names;
}

/** An address of 4 or 16 bytes; other lengths as hex. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return hexText(bytes);
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(":").toUpperCase();
}

/**
 * Whether it may sign certificates, and how many more may follow below it. Throws
 * `PEER_CERTIFICATE`.
 */
export function basicConstraints({
  extensions,
}: X509): { readonly isAuthority: boolean; readonly pathLength: number | undefined } | undefined {
  const value = extensions.get(EXTENSION.basicConstraints);
  if (value === undefined) return undefined;
  const parts = new DerReader(value).inside("basicConstraints", TAG.sequence);
  const flag = parts.optional(TAG.boolean, "CA flag");
  const length = parts.optional(TAG.integer, "path length");
  return {
    isAuthority: (flag?.body[0] ?? 0) !== 0,
    pathLength:
      length === undefined ? undefined : length.body.reduce((sum, byte) => sum * 256 + byte, 0),
  };
}

/** RFC 5280 §4.2.1.3, bit 0 first. */
const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** What the key may be used for; undefined when nothing is said. Throws `PEER_CERTIFICATE`. */
export function keyUsage({ extensions }: X509): string[] | undefined {
  const value = extensions.get(EXTENSION.keyUsage);
  if (value === undefined) return undefined;
  const bits = new DerReader(value).next("keyUsage", TAG.bitString).body.subarray(1);
  return KEY_USAGES.filter((_, index) => ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0);
}

const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
  "1.3.6.1.5.5.7.3.3": "codeSigning",
  "1.3.6.1.5.5.7.3.4": "emailProtection",
  "1.3.6.1.5.5.7.3.8": "timeStamping",
  "1.3.6.1.5.5.7.3.9": "OCSPSigning",
  "2.5.29.37.0": "anyExtendedKeyUsage",
};

/**
 * Purposes by name, or by object identifier; undefined when nothing is said. Throws
 * `PEER_CERTIFICATE`.
 */
export function extendedKeyUsage({ extensions }: X509): string[] | undefined {
  const value = extensions.get(EXTENSION.extendedKeyUsage);
  if (value === undefined) return undefined;
  const list = new DerReader(value).inside("extendedKeyUsage", TAG.sequence);
  return [...list.rest("purpose")]
    .map(({ body }) => oidText(body))
    .map((oid) => EXTENDED_KEY_USAGES[oid] ?? oid);
}

/** Where the issuer's certificate and its OCSP responder are. Throws `PEER_CERTIFICATE`. */
export function authorityInfo({ extensions }: X509): {
  readonly ocsp: string[];
  readonly issuers: string[];
} {
  const found = { ocsp: [] as string[], issuers: [] as string[] };
  const value = extensions.get(EXTENSION.authorityInfoAccess);
  if (value === undefined) return found;
  const list = new DerReader(value).inside("authorityInfoAccess", TAG.sequence);
  while (list.left > 0) {
    const access = list.inside("access", TAG.sequence);
    const method = oidText(access.next("access method", TAG.oid).body);
    const { tag, body } = access.next("access location");
    if (tag !== 0x86) continue;
    if (method === "1.3.6.1.5.5.7.48.1") found.ocsp.push(latin1(body));
    if (method === "1.3.6.1.5.5.7.48.2") found.issuers.push(latin1(body));
  }
  return found;
}

/** Where revocation lists are. Throws `PEER_CERTIFICATE`. */
export function crlUrls({ extensions }: X509): string[] {
  const value = extensions.get(EXTENSION.crlDistributionPoints);
  if (value === undefined) return [];
  const urls: string[] = [];
  const points = new DerReader(value).inside("cRLDistributionPoints", TAG.sequence);
  while (points.left > 0) {
    const point = points.inside("distribution point", TAG.sequence);
    const name = point.optional(0xa0, "point's name");
    const full =
      name === undefined ? undefined : new DerReader(name.body).optional(0xa0, "full name");
    if (full !== undefined)
      urls.push(
        ...readGeneralNames(new DerReader(full.body))
          .filter(({ kind }) => kind === "URI")
          .map((uri) => uri.value),
      );
  }
  return urls;
}

/**
 * The certificate wants to be shown with an OCSP response (RFC 7633). Throws `PEER_CERTIFICATE`.
 */
export function mustStaple({ extensions }: X509): boolean {
  const value = extensions.get(EXTENSION.tlsFeature);
  if (value === undefined) return false;
  return [...new DerReader(value).inside("TLS feature", TAG.sequence).rest("feature")].some(
    ({ body }) => body.length === 1 && body[0] === MUST_STAPLE_FEATURE,
  );
}

/**
 * Names below which an authority may, and may not, sign (RFC 5280 §4.2.1.10).
 */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

/** All names below one. */
export interface Subtree {
  readonly base: GeneralName;
  /** It has a minimum or maximum, which RFC 5280 forbids. */
  readonly isLimited: boolean;
}

/** Undefined without the extension. Throws `PEER_CERTIFICATE`. */
export function nameConstraints({ extensions }: X509): NameConstraints | undefined {
  const value = extensions.get(EXTENSION.nameConstraints);
  if (value === undefined) return undefined;
  const parts = new DerReader(value).inside("nameConstraints", TAG.sequence);
  return { permitted: subtrees(parts, 0xa0), excluded: subtrees(parts, 0xa1) };
}

function subtrees(parts: DerReader, tag: number): Subtree[] {
  const list = parts.optional(tag, "subtrees");
  const found: Subtree[] = [];
  const trees = new DerReader(list?.body ?? new Uint8Array(0));
  while (trees.left > 0) {
    const tree = trees.inside("subtree", TAG.sequence);
    const [base] = readGeneralNames(new DerReader(tree.next("base").whole));
    const limits = [...tree.rest("limit")];
    const isLimited = limits.some(
      ({ tag: limit, body }) => limit !== 0x80 || body.some((byte) => byte !== 0),
    );
    if (base !== undefined) found.push({ base, isLimited });
  }
  return found;
}

/** How a certificate names its issuer's key (RFC 5280 §4.2.1.1). */
export interface AuthorityKeyId {
  readonly keyId: Uint8Array | undefined;
  /** DER of the name of the issuer's issuer. */
  readonly issuer: Uint8Array | undefined;
  readonly serial: Uint8Array | undefined;
}

/** Undefined without the extension. Throws `PEER_CERTIFICATE`. */
export function authorityKeyId({ extensions }: X509): AuthorityKeyId | undefined {
  const value = extensions.get(EXTENSION.authorityKeyId);
  if (value === undefined) return undefined;
  const parts = new DerReader(value).inside("authorityKeyIdentifier", TAG.sequence);
  const keyId = parts.optional(0x80, "key identifier")?.body;
  const names = parts.optional(0xa1, "issuer's names");
  const serial = parts.optional(0x82, "issuer's serial number")?.body;
  const directory =
    names === undefined
      ? undefined
      : readGeneralNames(new DerReader(names.body)).find(({ kind }) => kind === "DirName");
  return { keyId, issuer: directory?.bytes, serial };
}

/** The name of the certificate's own key. Throws `PEER_CERTIFICATE`. */
export function subjectKeyId({ extensions }: X509): Uint8Array | undefined {
  const value = extensions.get(EXTENSION.subjectKeyId);
  return value === undefined
    ? undefined
    : new DerReader(value).next("subjectKeyIdentifier", TAG.octetString).body;
}

/** What Netscape's extension says, from the time before key usages. */
export interface NetscapeType {
  readonly isForServers: boolean;
  /** Any kind of authority. */
  readonly isForAuthorities: boolean;
}

/** Undefined when nothing is said. Throws `PEER_CERTIFICATE`. */
export function netscapeType({ extensions }: X509): NetscapeType | undefined {
  const value = extensions.get(EXTENSION.netscapeType);
  if (value === undefined) return undefined;
  const bits = new DerReader(value).next("Netscape's type", TAG.bitString).body[1] ?? 0;
  return { isForServers: (bits & 0x40) !== 0, isForAuthorities: (bits & 0x07) !== 0 };
}

/** A promise of a transparency log to publish a certificate (RFC 6962 §3.2). */
export interface Sct {
  /** Hex of the log's key hash. */
  readonly logId: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

/** Timestamps inside the certificate. Throws `PEER_CERTIFICATE`. */
export function embeddedScts({ extensions }: X509): Sct[] {
  const value = extensions.get(EXTENSION.sctList);
  return value === undefined
    ? []
    : readSctList(new DerReader(value).next("SCT list", TAG.octetString).body);
}

/**
 * A SignedCertificateTimestampList (RFC 6962 §3.3), as TLS extension 18 has it too. Throws
 * `PEER_CERTIFICATE`.
 */
export function readSctList(bytes: Uint8Array): Sct[] {
  const outer = new ByteReader(bytes, "PEER_CERTIFICATE");
  const list = outer.sub(outer.u16("SCT list length"), "SCT list");
  const found: Sct[] = [];
  while (list.left > 0) {
    const sct = list.sub(list.u16("SCT length"), "SCT");
    sct.u8("SCT version");
    const logId = hexText(sct.take(32, "log id"));
    const ms = sct.u32("timestamp") * 2 ** 32 + sct.u32("timestamp");
    found.push({ logId, timestamp: new Date(Math.min(ms, MAX_DATE_MS)).toISOString() });
  }
  return found;
}

/** The latest moment that a Date holds. */
const MAX_DATE_MS = 8.64e15;
