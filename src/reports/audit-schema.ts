import type {
  AuditReport,
  CertificateReport,
  ChainReport,
  CipherReport,
  ClientReport,
  DatagramReport,
  Features,
  Finding,
  OverallGrade,
  ProbeError,
  ProbeErrorCode,
  ProtocolReport,
  RevocationReport,
  SctReport,
  UnreadablePart,
} from "../audit/report.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Of a key that may be absent. */
interface Optional {
  readonly optional: Schema;
}

/**
 * A schema for each key of a type, optional where the type's is: the compiler refuses a table that
 * is not the type's.
 */
type Table<T> = {
  readonly [Key in keyof T]-?: object extends Pick<T, Key>
    ? Optional
    : Schema & { readonly optional?: never };
};

/**
 * The JSON Schema (2020-12) of an audit's JSON. Further keys may come with later versions; those
 * that are here stay.
 */
export function auditSchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Saker: the TLS audit of one port",
    ...object<AuditReport>(REPORT),
  };
}

function object<T>(table: Table<T>, description?: string): Schema {
  const entries = Object.entries<Schema | Optional>(table);
  return {
    ...(description === undefined ? {} : { description }),
    type: "object",
    required: entries.filter(([, entry]) => !isOptional(entry)).map(([key]) => key),
    properties: Object.fromEntries(
      entries.map(([key, entry]) => [key, isOptional(entry) ? entry.optional : entry]),
    ),
  };
}

function isOptional(entry: Schema | Optional): entry is Optional {
  return "optional" in entry;
}

function may(schema: Schema): Optional {
  return { optional: schema };
}

function text(description?: string, more: Schema = {}): Schema {
  return { type: "string", ...(description === undefined ? {} : { description }), ...more };
}

function flag(description?: string): Schema {
  return { type: "boolean", ...(description === undefined ? {} : { description }) };
}

function whole(description?: string, more: Schema = {}): Schema {
  return {
    type: "integer",
    minimum: 0,
    ...(description === undefined ? {} : { description }),
    ...more,
  };
}

function list(items: Schema, description?: string): Schema {
  return { type: "array", items, ...(description === undefined ? {} : { description }) };
}

/** Keys of any name. */
function map(values: Schema, description?: string): Schema {
  return {
    type: "object",
    additionalProperties: values,
    ...(description === undefined ? {} : { description }),
  };
}

function one(values: readonly string[], description?: string): Schema {
  return { enum: values, ...(description === undefined ? {} : { description }) };
}

const DATE = text("ISO 8601, UTC", { format: "date-time" });
const NAMES = list(text());

const CIPHER: Table<CipherReport> = {
  id: text("the suite's code", { pattern: "^0x[0-9A-F]{4,6}$" }),
  name: text("IANA's name, as ssl-enum-ciphers writes it"),
  kexInfo: may(text("what the key exchange rests on, such as secp256r1 or rsa 2048")),
  strength: one(["A", "B", "C", "D", "E", "F", "unknown"], "ssl-enum-ciphers' letter"),
};

const PREFERENCE = one(["server", "client", "indeterminate"]);

const PROTOCOL: Table<ProtocolReport> = {
  ciphers: list(object(CIPHER), "in the server's order where it has one, else by name"),
  compressors: may(list(text(), "absent for TLS 1.3")),
  cipherPreference: may(PREFERENCE),
  cipherPreferenceError: may(text()),
  chacha20First: may(
    flag("takes ChaCha20 from clients that put it first, in spite of its own order"),
  ),
  equalPreference: may(
    list(text(), "suites that the server ranks first and lets the client choose among"),
  ),
  groups: may(NAMES),
  groupPreference: may(PREFERENCE),
  signatureSchemes: may(NAMES),
  warnings: list(text(), "ssl-enum-ciphers' warnings"),
};

const SNI = one(["same", "other", "refused"]);

const FEATURES: Table<Features> = {
  alpn: may(list(text(), "empty when the server has no ALPN")),
  extendedMasterSecret: may(flag("RFC 7627")),
  encryptThenMac: may(flag("RFC 7366")),
  secureRenegotiation: may(flag("RFC 5746")),
  clientRenegotiation: may(flag("clients may start a new handshake in a running session")),
  fallbackScsv: may(flag("RFC 7507")),
  tickets: may(flag()),
  resumption: may(
    object<NonNullable<Features["resumption"]>>({
      sessionId: may(flag()),
      ticket: may(flag()),
      psk: may(flag()),
    }),
  ),
  earlyData: may(whole("bytes that a ticket of TLS 1.3 allows")),
  clientCertificate: may(one(["no", "optional", "required"])),
  sni: may(
    object<NonNullable<Features["sni"]>>(
      { withoutName: SNI, unknownName: SNI },
      "the certificate that a hello without a name, and one with an unknown name, is answered with",
    ),
  ),
  ocspStapling: may(flag()),
  heartbeat: may(flag()),
  clearLogins: may(list(text(), "mechanisms by which passwords are taken before STARTTLS")),
  http: may(
    object<NonNullable<Features["http"]>>(
      {
        status: whole(),
        location: may(text("where a redirect leads")),
        hsts: may(
          object<NonNullable<NonNullable<Features["http"]>["hsts"]>>({
            maxAge: whole("in seconds"),
            includesSubdomains: flag(),
            preload: flag(),
          }),
        ),
        insecureCookies: may(list(text(), "names of cookies without Secure")),
      },
      "the answer to GET / over TLS",
    ),
  ),
  dhPrime: may(
    object<NonNullable<Features["dhPrime"]>>({
      bits: whole(),
      known: may(text("where the prime is from, when it is a common one")),
    }),
  ),
};

const SCT: Table<SctReport> = { logId: text("hex of the log's key hash"), timestamp: DATE };

const CERTIFICATE: Table<CertificateReport> = {
  subject: text(),
  issuer: text(),
  notBefore: may(text("ISO 8601; absent where the certificate has no date there that can be read")),
  notAfter: may(text("as notBefore")),
  names: list(text(), "of subjectAltName"),
  keyType: text(),
  keyBits: may(whole()),
  curve: may(text()),
  signatureAlgorithm: text(),
  serialNumber: text("hex"),
  fingerprintSha256: text("hex with colons"),
  isSelfSigned: flag(),
  isAuthority: may(flag()),
  keyUsage: may(NAMES),
  extendedKeyUsage: may(NAMES),
  mustStaple: may(flag("RFC 7633")),
  scts: may(list(object(SCT))),
  ocspUrls: may(NAMES),
  issuerUrls: may(NAMES),
  crlUrls: may(NAMES),
  oddities: may(list(text(), "what is odd about it")),
  unreadable: may(
    list(
      object<UnreadablePart>({
        part: text("such as end of validity"),
        reason: text(),
        bytes: text("hex of what stands there, of long parts the beginning"),
      }),
      "what of it cannot be read",
    ),
  ),
};

const CHAIN: Table<ChainReport> = {
  keyType: text("of the leaf"),
  protocols: list(text(), "the versions in which it was seen"),
  signatureSchemes: may(list(text(), "those that its key signs TLS 1.3 with")),
  sent: list(
    text(),
    "SHA-256 fingerprints in the order they were sent; each is one of certificates",
  ),
  isTrusted: flag(),
  distrust: may(text("why it is not trusted")),
  anchor: may(text("the root that ends it")),
  isOrdered: flag(),
  superfluous: list(text(), "sent, but no part of the path"),
  missingIssuer: may(text("neither sent nor in the store")),
  hostMatches: may(flag("absent where no name was asked for")),
  ocsp: may(
    object<NonNullable<ChainReport["ocsp"]>>(
      {
        status: one(["good", "revoked", "unknown", "invalid"]),
        detail: text(),
        thisUpdate: may(text()),
        nextUpdate: may(text()),
      },
      "the stapled response",
    ),
  ),
  revocation: may(
    list(
      object<RevocationReport>({
        certificate: text("SHA-256 fingerprint"),
        method: may(one(["OCSP", "CRL"])),
        url: may(text()),
        status: one(["good", "revoked", "unknown", "could not tell"]),
        detail: text(),
        thisUpdate: may(text()),
        nextUpdate: may(text()),
      }),
      "what authorities say; absent without --revocation",
    ),
  ),
  scts: may(list(object(SCT))),
};

const FINDING: Table<Finding> = {
  id: text("stable, for policies"),
  severity: one(["info", "low", "medium", "high", "critical"]),
  title: text(),
  evidence: text("what shows it"),
  explanation: may(text("what it means, in a sentence")),
};

const SCORE = whole(undefined, { maximum: 100 });
const LETTER = one(["A+", "A", "A-", "B", "C", "D", "E", "F", "M", "T"]);

const GRADE: Table<OverallGrade> = {
  letter: LETTER,
  score: SCORE,
  scores: object<OverallGrade["scores"]>({ protocol: SCORE, keyExchange: SCORE, cipher: SCORE }),
  caps: list(
    object<OverallGrade["caps"][number]>({ cap: LETTER, reason: text() }),
    "what holds the letter down, strictest first",
  ),
  ignoringTrust: may(
    one(
      ["A+", "A", "A-", "B", "C", "D", "E", "F"],
      "the letter without T and M; absent where that is the letter",
    ),
  ),
};

const DATAGRAM: Table<DatagramReport> = {
  versions: NAMES,
  protocols: may(map(object(PROTOCOL), "suites by version, as over TCP")),
  cipher: may(object<NonNullable<DatagramReport["cipher"]>>({ id: text(), name: text() })),
  group: may(text()),
  alpn: may(NAMES),
  certificates: list(object(CERTIFICATE)),
};

const REPORT: Table<AuditReport> = {
  target: text("as it was asked for"),
  host: text(),
  port: whole(undefined, { minimum: 1, maximum: 65_535 }),
  address: may(text("what was connected to, where host is a name")),
  container: may(text()),
  reachable: may(text("from where the port can be reached, where the watch knows")),
  listener: may(
    object<NonNullable<AuditReport["listener"]>>(
      {
        address: text(),
        exepath: may(text("the program's executable")),
        sharedBy: may(list(text(), "programs that share it: the kernel chooses who answers")),
      },
      "who listens there and at which address, where the watch knows",
    ),
  ),
  changes: may(
    object<NonNullable<AuditReport["changes"]>>(
      { since: DATE, what: list(text(), "empty when nothing that counts has changed") },
      "what differs from the port's report before this one; absent when there was none",
    ),
  ),
  tls: may(
    flag(
      "false: it speaks something else; absent: it could not be examined, and an error has a code that says why",
    ),
  ),
  starttls: may(text("the protocol in which TLS was asked for; absent where TLS begins at once")),
  speaks: may(
    text(
      "what a port without TLS speaks, or one with STARTTLS before it, or ALPN shows to be inside; silent when it says nothing, and tls is absent then",
    ),
  ),
  scanner: may(text("another program that has examined the port; absent for Saker itself")),
  startedAt: DATE,
  durationMs: whole(),
  connections: whole(),
  protocols: map(object(PROTOCOL), "by version, SSLv2 to TLSv1.3; what is not spoken is absent"),
  leastStrength: may(
    one(["A", "B", "C", "D", "E", "F", "unknown"], "the worst letter of all suites"),
  ),
  groups: list(text(), "key exchange groups, in the server's order where it has one"),
  signatureSchemes: may(NAMES),
  features: may(object(FEATURES, "an absent key: it could not be told")),
  certificates: list(object(CERTIFICATE), "each once; of the first chain the leaf first"),
  chains: may(
    list(object(CHAIN), "one for each kind of key that the server has a certificate for"),
  ),
  weaknesses: may(
    map(
      one(["vulnerable", "not vulnerable", "not applicable", "unknown"]),
      "verdicts by the weakness's id",
    ),
  ),
  clients: may(
    list(
      object<ClientReport>({
        name: text(),
        version: may(text("absent: none in common")),
        cipher: may(text()),
        groups: may(list(text(), "the key exchange's group; of several, it is one of these")),
        alpn: may(text()),
        failure: may(text("why the client gets no connection")),
        unsure: may(text("what could not be told")),
      }),
      "what real clients get, as far as that follows from the report",
    ),
  ),
  findings: list(object(FINDING), "worst first"),
  grade: may(object(GRADE, "SSL Labs' rating, guide 2009r; absent without TLS")),
  datagram: may(
    object<NonNullable<AuditReport["datagram"]>>(
      { dtls: may(object(DATAGRAM)), quic: may(object(DATAGRAM)) },
      "TLS over UDP at the same port number",
    ),
  ),
  errors: list(
    object<ProbeError>({
      probe: text(),
      error: text(),
      code: may(
        one(
          [
            "refused",
            "reset",
            "closed",
            "silent",
            "timeout",
            "unreachable",
            "protocol",
            "rejected",
            "starttls",
            "aborted",
            "incomplete",
            "spared",
            "differs",
          ] satisfies ProbeErrorCode[],
          "why the port could not be examined; incomplete, spared: why not all of it was; differs: it was, and is not the same on each connection",
        ),
      ),
    }),
    "probes that could not tell: never to be read as not supported",
  ),
};
