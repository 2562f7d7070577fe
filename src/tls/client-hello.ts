import { ByteWriter } from "../lib/byte-writer.ts";
import { groupCodes } from "./groups.ts";
import { schemeCodes } from "./signature-schemes.ts";

/** Protocol versions by their code on the wire, oldest first. */
export const VERSIONS = [
  { code: 0x0300, name: "SSLv3" },
  { code: 0x0301, name: "TLSv1.0" },
  { code: 0x0302, name: "TLSv1.1" },
  { code: 0x0303, name: "TLSv1.2" },
  { code: 0x0304, name: "TLSv1.3" },
] as const;

/** A version's code on the wire, 0x0300 (SSL 3.0) to 0x0304 (TLS 1.3). */
export type VersionCode = (typeof VERSIONS)[number]["code"];
/** A version's name in reports, `SSLv3` to `TLSv1.3`. */
export type VersionName = (typeof VERSIONS)[number]["name"];

/** `TLSv1.2` */
export function versionName(version: VersionCode): VersionName {
  const index = version - 0x0300;
  return (VERSIONS[index] ?? VERSIONS[0]).name;
}

/**
 * What `encodeClientHello` writes. Suites, groups, schemes and compressors are IANA codes, in the
 * client's order of preference.
 */
export interface HelloOptions {
  readonly version: VersionCode;
  readonly suites: readonly number[];
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly serverName?: string | undefined;
  /** NULL alone when left out. */
  readonly compressors?: readonly number[];
  /** All groups of the version when left out. */
  readonly groups?: readonly number[];
  /** All schemes of the version when left out. */
  readonly signatureSchemes?: readonly number[];
  /** What supported_versions says, where that is not the version's own code: DTLS 1.3's. */
  readonly supportedVersions?: readonly number[];
  /** Public keys for TLS 1.3; none when left out, so that the server asks for one. */
  readonly keyShares?: readonly KeyShare[];
  /** Up to 32 bytes; empty when left out. */
  readonly sessionId?: Uint8Array;
  /** Extensions behind those that every hello has; SSL 3.0 gets none. */
  readonly extensions?: readonly Extension[];
  /** No extensions at all, as clients before TLS 1.0's extensions. */
  readonly isBare?: boolean;
  /** Brought to a length that is known to be taken everywhere (RFC 7685). */
  readonly isPadded?: boolean;
}

/** A hello extension as it stands on the wire. */
export interface Extension {
  readonly type: number;
  readonly body: Uint8Array;
}

/**
 * A KeyShareEntry (RFC 8446 §4.2.8): the group's code and the public key in the group's encoding.
 */
export interface KeyShare {
  readonly group: number;
  readonly key: Uint8Array;
}

/** The groups and schemes of a hello that must be short: what nearly every server has one of. */
export const COMMON = {
  groups: [0x0017, 0x0018, 0x0019, 0x001d, 0x0100, 0x11ec],
  signatureSchemes: [
    0x0401, 0x0201, 0x0403, 0x0203, 0x0804, 0x0809, 0x0501, 0x0503, 0x0601, 0x0603, 0x0807,
  ],
} as const satisfies Partial<HelloOptions>;

/** IANA "TLS ExtensionType Values": those that we write or read. */
export const EXTENSION = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  heartbeat: 15,
  alpn: 16,
  signedCertificateTimestamp: 18,
  padding: 21,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  supportedVersions: 43,
  pskKeyExchangeModes: 45,
  keyShare: 51,
  renegotiationInfo: 0xff01,
} as const;

/**
 * Extensions that ask a server of TLS 1.2 or older what it can do; it answers with those that it
 * knows (RFC 7627, 7366, 5077, 5746). They change nothing of what it
 * selects.
 */
export const ABILITIES: readonly Extension[] = [
  { type: EXTENSION.extendedMasterSecret, body: new Uint8Array(0) },
  { type: EXTENSION.encryptThenMac, body: new Uint8Array(0) },
  { type: EXTENSION.sessionTicket, body: new Uint8Array(0) },
  { type: EXTENSION.renegotiationInfo, body: Uint8Array.of(0) },
];

/**
 * Asks for what proves the certificate: an OCSP response (RFC 6066 §8) and timestamps of
 * transparency logs (RFC 6962 §3.3.1).
 */
export const PROOFS: readonly Extension[] = [
  { type: EXTENSION.statusRequest, body: Uint8Array.of(1, 0, 0, 0, 0) },
  { type: EXTENSION.signedCertificateTimestamp, body: new Uint8Array(0) },
];

/** The peer may send heartbeats (RFC 6520 §2). */
export const HEARTBEAT: Extension = { type: EXTENSION.heartbeat, body: Uint8Array.of(1) };

/** Offers application protocols (RFC 7301 §3.1). */
export function alpnExtension(protocols: readonly string[]): Extension {
  const writer = new ByteWriter();
  writer.vector(2, (list) =>
    protocols.forEach((name) =>
      list.vector(1, (entry) => entry.bytes(new TextEncoder().encode(name))),
    ),
  );
  return { type: EXTENSION.alpn, body: writer.finish() };
}

/**
 * A ClientHello in one record. For TLS 1.3 the key share is empty, so that the server names its
 * group in a HelloRetryRequest and does no public-key work (RFC 8446 §4.1.4). SSL 3.0 gets no
 * extensions. The record's version is 1.0's, as the most servers want it (RFC 5246 §E.1).
 */
export function encodeClientHello(options: HelloOptions): Uint8Array {
  const plain = encode(options, 0);
  if (options.isPadded !== true || !hasExtensions(options)) return plain;
  const padding = paddedLength(plain.length - RECORD_HEADER) - (plain.length - RECORD_HEADER);
  return padding === 0 ? plain : encode(options, padding);
}

const RECORD_HEADER = 5;

/** Up to this many bytes, a handshake message is short enough for all. */
const SHORT_BYTES = 250;

/**
 * Messages of 256 to 511 bytes hang some load balancers, and 512 or more with certain remainders by
 * 256 others: this is neither.
 */
function paddedLength(length: number): number {
  if (length <= SHORT_BYTES) return length;
  const least = Math.max(640, length + PADDING_HEADER);
  return Math.ceil((least - 128) / 256) * 256 + 128;
}

const PADDING_HEADER = 4;

function encode(options: HelloOptions, padding: number): Uint8Array {
  const legacy = Math.min(options.version, 0x0303);
  const writer = new ByteWriter();
  writer.u8(22).u16(Math.min(options.version, 0x0301));
  writer.vector(2, (record) => {
    record.u8(1).vector(3, (hello) => {
      hello.u16(legacy).bytes(options.random);
      hello.vector(1, (id) => id.bytes(options.sessionId ?? new Uint8Array(0)));
      hello.vector(2, (suites) => options.suites.forEach((suite) => suites.u16(suite)));
      hello.vector(1, (compressors) =>
        (options.compressors ?? [0]).forEach((method) => compressors.u8(method)),
      );
      if (hasExtensions(options))
        hello.vector(2, (extensions) => writeExtensions(extensions, options, padding));
    });
  });
  return writer.finish();
}

function hasExtensions({ version, isBare }: HelloOptions): boolean {
  return version > 0x0300 && isBare !== true;
}

/** How many suites a hello with these options has room for in a record of `limit` bytes. */
export function roomForSuites(
  options: Omit<HelloOptions, "suites" | "random">,
  limit: number,
): number {
  const empty = encodeClientHello({ ...options, suites: [], random: new Uint8Array(32) });
  return Math.max(0, Math.floor((limit - empty.length) / 2));
}

function writeExtensions(writer: ByteWriter, options: HelloOptions, padding: number): void {
  const {
    version,
    serverName,
    groups = groupCodes(options.version),
    signatureSchemes = schemeCodes(options.version),
    keyShares = [],
  } = options;
  if (serverName !== undefined) {
    const name = new TextEncoder().encode(serverName);
    extension(writer, EXTENSION.serverName, (body) =>
      body.vector(2, (list) => list.u8(0).vector(2, (host) => host.bytes(name))),
    );
  }
  extension(writer, EXTENSION.supportedGroups, (body) =>
    body.vector(2, (list) => groups.forEach((group) => list.u16(group))),
  );
  extension(writer, EXTENSION.pointFormats, (body) => body.vector(1, (list) => list.u8(0)));
  if (version >= 0x0303) {
    extension(writer, EXTENSION.signatureAlgorithms, (body) =>
      body.vector(2, (list) => signatureSchemes.forEach((scheme) => list.u16(scheme))),
    );
  }
  for (const { type, body } of options.extensions ?? [])
    extension(writer, type, (written) => written.bytes(body));
  if (padding > 0)
    extension(writer, EXTENSION.padding, (body) =>
      body.bytes(new Uint8Array(padding - PADDING_HEADER)),
    );
  if (version === 0x0304) {
    // psk_dhe_ke: some servers want it though no key is offered (RFC 8446 §4.2.9).
    extension(writer, EXTENSION.pskKeyExchangeModes, (body) =>
      body.vector(1, (list) => list.u8(1)),
    );
    extension(writer, EXTENSION.supportedVersions, (body) =>
      body.vector(1, (list) =>
        (options.supportedVersions ?? [version]).forEach((code) => list.u16(code)),
      ),
    );
    extension(writer, EXTENSION.keyShare, (body) =>
      body.vector(2, (list) =>
        keyShares.forEach(({ group, key }) =>
          list.u16(group).vector(2, (share) => share.bytes(key)),
        ),
      ),
    );
  }
}

function extension(writer: ByteWriter, type: number, body: (writer: ByteWriter) => void): void {
  writer.u16(type).vector(2, body);
}
