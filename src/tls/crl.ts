import { DerReader, latin1, oidText, TAG, timeText } from "./der.ts";
import { type AlgorithmIdentifier, bitString, readAlgorithm } from "./x509.ts";

/** A certificate revocation list (RFC 5280 §5.1). Views of the bytes that were read. */
export interface Crl {
  readonly signed: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** DER of its name. */
  readonly issuer: Uint8Array;
  /** ISO 8601, UTC. */
  readonly thisUpdate: string;
  readonly nextUpdate: string | undefined;
  /** DER of the entries, one behind the other: there may be hundreds of thousands. */
  readonly entries: Uint8Array;
  /** Bodies of its extensions by object identifier, and which of them are critical. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  readonly critical: ReadonlySet<string>;
}

/** The entry of one certificate. */
export interface RevokedEntry {
  /** ISO 8601, UTC. */
  readonly revokedAt: string;
  /** Of RFC 5280 §5.3.1, such as `keyCompromise`; absent where none is given. */
  readonly reason?: string;
}

/** Reads a list. Throws `PEER_CERTIFICATE`. */
export function readCrl(der: Uint8Array): Crl {
  const outer = new DerReader(der).inside("CRL", TAG.sequence);
  const signed = outer.next("list", TAG.sequence);
  const list = new DerReader(signed.body);
  list.optional(TAG.integer, "version");
  readAlgorithm(list, "signature algorithm");
  const issuer = list.next("issuer", TAG.sequence).whole;
  const thisUpdate = timeText(list.next("time of the list"));
  const hasEnd = list.tag === TAG.utcTime || list.tag === TAG.generalizedTime;
  const nextUpdate = hasEnd ? timeText(list.next("end of the list")) : undefined;
  const entries = list.optional(TAG.sequence, "entries")?.body ?? new Uint8Array(0);
  const wrapped = list.optional(0xa0, "extensions");
  return {
    signed: signed.whole,
    signatureAlgorithm: readAlgorithm(outer, "signature algorithm"),
    signature: bitString(outer, "signature"),
    issuer,
    thisUpdate,
    nextUpdate,
    entries,
    ...readCrlExtensions(wrapped?.body),
  };
}

/** The entry of a serial number; undefined where there is none. Throws `PEER_CERTIFICATE`. */
export function findRevoked({ entries }: Crl, serial: Uint8Array): RevokedEntry | undefined {
  const list = new DerReader(entries);
  while (list.left > 0) {
    const entry = list.inside("entry", TAG.sequence);
    if (!isSame(entry.next("serial number", TAG.integer).body, serial)) continue;
    const revokedAt = timeText(entry.next("time of revocation"));
    const { extensions } = readCrlExtensions(entry.optional(TAG.sequence, "extensions")?.whole);
    const code = extensions.get(REASON_CODE);
    const reason = code === undefined ? undefined : REASONS[code.at(-1) ?? 0];
    return { revokedAt, ...(reason === undefined ? {} : { reason }) };
  }
  return undefined;
}

/** What a list covers (RFC 5280 §5.2.5); undefined where it has no such extension. */
export interface CrlScope {
  /** Where it says that it is published. */
  readonly urls: readonly string[];
  readonly onlyUsers: boolean;
  readonly onlyAuthorities: boolean;
  readonly onlyAttributes: boolean;
  readonly onlySomeReasons: boolean;
  readonly isIndirect: boolean;
}

/** Reads the issuing distribution point. Throws `PEER_CERTIFICATE`. */
export function crlScope({ extensions }: Crl): CrlScope | undefined {
  const bytes = extensions.get(CRL_EXTENSION.issuingDistributionPoint);
  if (bytes === undefined) return undefined;
  const fields = [
    ...new DerReader(bytes).inside("issuing distribution point", TAG.sequence).rest("field"),
  ];
  const isSet = (tag: number): boolean =>
    fields.some((field) => field.tag === tag && field.body.some((byte) => byte !== 0));
  const point = fields.find(({ tag }) => tag === 0xa0);
  const name = point === undefined ? undefined : new DerReader(point.body).optional(0xa0, "name");
  const names = name === undefined ? [] : [...new DerReader(name.body).rest("name")];
  return {
    urls: names.filter(({ tag }) => tag === 0x86).map(({ body }) => latin1(body)),
    onlyUsers: isSet(0x81),
    onlyAuthorities: isSet(0x82),
    onlySomeReasons: fields.some(({ tag }) => tag === 0x83),
    isIndirect: isSet(0x84),
    onlyAttributes: isSet(0x85),
  };
}

/** Extensions of a list that are read here. */
export const CRL_EXTENSION = {
  number: "2.5.29.20",
  deltaIndicator: "2.5.29.27",
  issuingDistributionPoint: "2.5.29.28",
  authorityKeyId: "2.5.29.35",
} as const;

const REASON_CODE = "2.5.29.21";

/** CRLReason; 7 is not used. */
const REASONS: readonly (string | undefined)[] = [
  "unspecified",
  "keyCompromise",
  "cACompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "certificateHold",
  undefined,
  "removeFromCRL",
  "privilegeWithdrawn",
  "aACompromise",
];

/** Most extensions of a list or an entry that are read. */
const MAX_EXTENSIONS = 64;

function readCrlExtensions(der: Uint8Array | undefined): Pick<Crl, "extensions" | "critical"> {
  const [extensions, critical] = [new Map<string, Uint8Array>(), new Set<string>()];
  const list = new DerReader(der ?? Uint8Array.of(TAG.sequence, 0)).inside(
    "extensions",
    TAG.sequence,
  );
  while (list.left > 0 && extensions.size < MAX_EXTENSIONS) {
    const extension = list.inside("extension", TAG.sequence);
    const oid = oidText(extension.next("extension's name", TAG.oid).body);
    const flag = extension.optional(TAG.boolean, "critical");
    if (flag?.body.some((byte) => byte !== 0) === true) critical.add(oid);
    extensions.set(oid, extension.next("extension's value", TAG.octetString).body);
  }
  return { extensions, critical };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
