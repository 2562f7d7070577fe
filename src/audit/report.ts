/**
 * The audit of one port: the contract of `report/tls/NAME_PORT.json`. Absent protocols are absent
 * keys.
 */
export interface AuditReport {
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** What was connected to, where `host` is a name. */
  readonly address?: string;
  readonly container?: string;
  /**
   * From where the port can be reached, where the watch knows: `published at 0.0.0.0:8080`,
   * `loopback only`, …
   */
  readonly reachable?: string;
  /** Who listens there and at which address, where the watch knows. */
  readonly listener?: {
    readonly address: string;
    readonly exepath?: string;
    /**
     * Names of the programs that share the address and port (SO_REUSEPORT): the report may be of any
     * of them. Absent for one.
     */
    readonly sharedBy?: readonly string[];
  };
  /** What differs from the port's report before this one; absent when there was none. */
  readonly changes?: { readonly since: string; readonly what: readonly string[] };
  /**
   * False where the port was seen to speak something else; absent where it could not be examined:
   * `errors` then says why, with a `code`.
   */
  readonly tls?: boolean;
  /** The protocol in which TLS was asked for, such as `smtp`; absent where TLS begins at once. */
  readonly starttls?: string;
  /**
   * What a port without TLS speaks, or one with STARTTLS before it, or what ALPN shows to be inside
   * (PostgreSQL, MS-SQL): `http`, `ssh`, …; `silent` when
   * it takes connections and says nothing, and then `tls` is absent.
   */
  readonly speaks?: string;
  /** Another program that has examined the port, such as `nmap 7.93`; absent for Saker itself. */
  readonly scanner?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly connections: number;
  readonly protocols: Readonly<Record<string, ProtocolReport>>;
  /** The worst letter of all suites; absent without TLS. */
  readonly leastStrength?: string;
  /** Names of the key exchange groups that the server takes, in its order where it has one. */
  readonly groups: readonly string[];
  /** Names of the signature schemes that the server signs with. */
  readonly signatureSchemes?: readonly string[];
  readonly features?: Features;
  /** All that were seen, each once; of the first chain the leaf first. */
  readonly certificates: readonly CertificateReport[];
  /** One for each kind of key that the server has a certificate for. */
  readonly chains?: readonly ChainReport[];
  /** What came of each known weakness's probe, by its id. */
  readonly weaknesses?: Readonly<Record<string, WeaknessVerdict>>;
  /** What real clients get, of a table; absent where not everything could be asked. */
  readonly clients?: readonly ClientReport[];
  /** Worst first. */
  readonly findings: readonly Finding[];
  /** The overall grade; absent without TLS. */
  readonly grade?: OverallGrade;
  /** TLS over UDP at the same port number; absent where nothing answers. */
  readonly datagram?: { readonly dtls?: DatagramReport; readonly quic?: DatagramReport };
  readonly errors: readonly ProbeError[];
}

/** What the server accepts in one version. An optional key is absent where it has no answer. */
export interface ProtocolReport {
  /** In the server's order where it has one, else by name. */
  readonly ciphers: readonly CipherReport[];
  /** Absent for TLS 1.3. */
  readonly compressors?: readonly string[];
  readonly cipherPreference?: "server" | "client" | "indeterminate";
  readonly cipherPreferenceError?: string;
  /** The server has an order, but takes ChaCha20 from clients that put it first. */
  readonly chacha20First?: boolean;
  /** Names of the suites that the server ranks first and lets the client choose among. */
  readonly equalPreference?: readonly string[];
  /**
   * Names of the groups that are taken in this version, in the server's order where it has one;
   * asked of TLS 1.3 and the newest older version.
   */
  readonly groups?: readonly string[];
  readonly groupPreference?: "server" | "client" | "indeterminate";
  /** Names of the signature schemes that are used in this version; asked of TLS 1.3 and 1.2. */
  readonly signatureSchemes?: readonly string[];
  readonly warnings: readonly string[];
}

/** An accepted suite of one version, with the letter that ssl-enum-ciphers gives it. */
export interface CipherReport {
  /** `0xC02F` */
  readonly id: string;
  readonly name: string;
  /** The group or key that the exchange rests on, such as `secp256r1` or `rsa 2048`. */
  readonly kexInfo?: string;
  /** A to F, or `unknown`. */
  readonly strength: string;
}

/**
 * What the server can do besides suites and groups. An absent key: it could not be told, or no
 * probe of this version could ask.
 */
export interface Features {
  /**
   * Protocols of ALPN that the server takes, in its order where it has one; empty when it has no
   * ALPN.
   */
  readonly alpn?: readonly string[];
  /** RFC 7627. */
  readonly extendedMasterSecret?: boolean;
  /** RFC 7366; absent where no suite with CBC is accepted. */
  readonly encryptThenMac?: boolean;
  /** RFC 5746. */
  readonly secureRenegotiation?: boolean;
  /** The client may start a new handshake in a running session. */
  readonly clientRenegotiation?: boolean;
  /**
   * RFC 7507: a downgraded hello with the SCSV is refused. Absent where only one version is
   * offered.
   */
  readonly fallbackScsv?: boolean;
  /** RFC 5077 in TLS 1.2 and older, or NewSessionTicket in TLS 1.3. */
  readonly tickets?: boolean;
  /**
   * A session that was resumed by its id (up to TLS 1.2), by a ticket, by a pre-shared key of TLS
   * 1.3.
   */
  readonly resumption?: {
    readonly sessionId?: boolean;
    readonly ticket?: boolean;
    readonly psk?: boolean;
  };
  /** Bytes of early data that a ticket of TLS 1.3 allows; 0 for none. */
  readonly earlyData?: number;
  /** `optional`: asked for, but the handshake ends well without. */
  readonly clientCertificate?: "no" | "optional" | "required";
  /** What a hello with no name, or with a name that the server cannot know, is answered with. */
  readonly sni?: { readonly withoutName: SniBehaviour; readonly unknownName: SniBehaviour };
  readonly ocspStapling?: boolean;
  readonly heartbeat?: boolean;
  /**
   * Mechanisms by which passwords are taken before STARTTLS, as offered to us; absent where the
   * protocol does not say.
   */
  readonly clearLogins?: readonly string[];
  /** What a web server's answer to `GET /` over TLS says; absent where no HTTP comes back. */
  readonly http?: {
    readonly status: number;
    /** Where a redirect leads. */
    readonly location?: string;
    /** Strict-Transport-Security (RFC 6797): seconds, and its flags. */
    readonly hsts?: {
      readonly maxAge: number;
      readonly includesSubdomains: boolean;
      readonly preload: boolean;
    };
    /** Names of cookies that browsers send over plain HTTP, too. */
    readonly insecureCookies?: readonly string[];
  };
  /** The DH prime of TLS 1.2 and older: its size, and its name where it is a well-known one. */
  readonly dhPrime?: { readonly bits: number; readonly known?: string };
}

/** `same`: the certificate that the given name gets; `other`: another one; else the alert. */
export type SniBehaviour = "same" | "other" | "refused";

/**
 * A certificate's fields (RFC 5280 §4.1) as readable text. `names` are the subjectAltName entries
 * as `kind:value`; `serialNumber` is upper-case hex, `fingerprintSha256` has colons, too. An
 * optional key is absent where the certificate has no such part, or one that cannot be read.
 */
export interface CertificateReport {
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601, UTC; absent where the certificate has no date there that can be read. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly names: readonly string[];
  readonly keyType: string;
  readonly keyBits?: number;
  readonly curve?: string;
  readonly signatureAlgorithm: string;
  readonly serialNumber: string;
  readonly fingerprintSha256: string;
  readonly isSelfSigned: boolean;
  readonly isAuthority?: boolean;
  readonly keyUsage?: readonly string[];
  readonly extendedKeyUsage?: readonly string[];
  /** TLS feature status_request (RFC 7633). */
  readonly mustStaple?: boolean;
  /** Signed certificate timestamps in the certificate (RFC 6962). */
  readonly scts?: readonly SctReport[];
  readonly ocspUrls?: readonly string[];
  readonly issuerUrls?: readonly string[];
  readonly crlUrls?: readonly string[];
  /**
   * What is odd about it: trailing bytes, a negative serial number, …
   */
  readonly oddities?: readonly string[];
  /** What of it cannot be read: all the rest stands. */
  readonly unreadable?: readonly UnreadablePart[];
}

/** A part of a certificate that cannot be read. */
export interface UnreadablePart {
  /** `end of validity`, `public key`, `names`, … */
  readonly part: string;
  readonly reason: string;
  /** Hex of what stands there; of more than 64 bytes the beginning, with their number. */
  readonly bytes: string;
}

/** A signed certificate timestamp (RFC 6962 §3.2): the log, and the time that it states. */
export interface SctReport {
  /** Hex of the log's key hash. */
  readonly logId: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

/** The chain that the server sends for one kind of key, and what is to be said of it. */
export interface ChainReport {
  /** Of the leaf: `rsa`, `ec`, `ed25519`, … */
  readonly keyType: string;
  /** The versions in which it was seen. */
  readonly protocols: readonly string[];
  /** Names of the schemes that its key signs TLS 1.3 with, as the server picked them. */
  readonly signatureSchemes?: readonly string[];
  /** SHA-256 fingerprints in the order they were sent; each is one of `certificates`. */
  readonly sent: readonly string[];
  readonly isTrusted: boolean;
  /** Why it is not trusted, in words; absent where it is. */
  readonly distrust?: string;
  /** SHA-256 fingerprint or subject of the root that ends it. */
  readonly anchor?: string;
  /** Each certificate is followed by its issuer. */
  readonly isOrdered: boolean;
  /** Sent but no part of the path, by subject. */
  readonly superfluous: readonly string[];
  /** An issuer is neither sent nor in the store, by name. */
  readonly missingIssuer?: string;
  /** Whether the leaf is for the name that was asked for; absent without a name. */
  readonly hostMatches?: boolean;
  readonly ocsp?: {
    readonly status: "good" | "revoked" | "unknown" | "invalid";
    readonly detail: string;
    readonly thisUpdate?: string;
    readonly nextUpdate?: string;
  };
  /** What authorities say of the chain's certificates; absent where that was not asked for. */
  readonly revocation?: readonly RevocationReport[];
  /** Timestamps from the TLS extension or the OCSP response. */
  readonly scts?: readonly SctReport[];
}

/** What an authority's responder or list says of one certificate. */
export interface RevocationReport {
  /** SHA-256 fingerprint of the certificate. */
  readonly certificate: string;
  /** Absent where the certificate names nobody to ask. */
  readonly method?: "OCSP" | "CRL";
  readonly url?: string;
  /** `unknown` is the responder's own word. */
  readonly status: "good" | "revoked" | "unknown" | "could not tell";
  readonly detail: string;
  /** ISO 8601, UTC. */
  readonly thisUpdate?: string;
  readonly nextUpdate?: string;
}

/**
 * `vulnerable` has a finding of the same id with the evidence; `unknown` has an error of the
 * probe's name, or the report is incomplete; `not applicable`: nothing to attack.
 */
export type WeaknessVerdict = "vulnerable" | "not vulnerable" | "not applicable" | "unknown";

/** What one real client gets from the server, as far as that follows from the report. */
export interface ClientReport {
  readonly name: string;
  /** Absent where client and server have none in common. */
  readonly version?: string;
  readonly cipher?: string;
  /** The key exchange's group; of several, it is one of these. */
  readonly groups?: readonly string[];
  readonly alpn?: string;
  /** Why the client gets no connection. */
  readonly failure?: string;
  /** What could not be told. */
  readonly unsure?: string;
}

/** A weakness, a problem of a certificate or a remark, with what was seen as `evidence`. */
export interface Finding {
  readonly id: string;
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly title: string;
  readonly evidence: string;
  /** One sentence: what it means. */
  readonly explanation?: string;
}

/** SSL Labs' rating, "SSL Server Rating Guide" 2009r. */
export interface OverallGrade {
  /** A+, A, A-, B, C, D, E, F, T (not trusted) or M (name mismatch). */
  readonly letter: string;
  /** 0 to 100, before caps. */
  readonly score: number;
  readonly scores: {
    readonly protocol: number;
    readonly keyExchange: number;
    readonly cipher: number;
  };
  /**
   * What holds the letter down, strictest first. `cap` is a letter; `A-` for what only takes the
   * plus or lowers an A.
   */
  readonly caps: readonly { readonly cap: string; readonly reason: string }[];
  /**
   * The letter that the server would have if its certificate were trusted and matched; absent where
   * that is the letter.
   */
  readonly ignoringTrust?: string;
}

/** What a port answered over UDP. */
export interface DatagramReport {
  /** `DTLSv1.2`, `QUICv1`, … */
  readonly versions: readonly string[];
  /**
   * Each version's suites with grades and order, as over TCP; of QUIC those of the best version that
   * we can speak.
   */
  readonly protocols?: Readonly<Record<string, ProtocolReport>>;
  /** The suite that was picked first from all of them. */
  readonly cipher?: { readonly id: string; readonly name: string };
  readonly group?: string;
  readonly alpn?: readonly string[];
  readonly certificates: readonly CertificateReport[];
}

/** A probe that could not tell: never read as "not supported". */
export interface ProbeError {
  readonly probe: string;
  readonly error: string;
  /** Where the port as a whole could not be examined, or not all of it. */
  readonly code?: ProbeErrorCode;
}

/** Why a port could not be examined. */
export type ProbeErrorCode =
  /** Nothing listens there (ECONNREFUSED). */
  | "refused"
  /** Each connection is reset, or closed, before a word was said. */
  | "reset"
  | "closed"
  /** Connections are taken, and nothing is said. */
  | "silent"
  /** No connection came about in time. */
  | "timeout"
  /** No way there: no such name or address, a namespace that is gone, … */
  | "unreachable"
  /** What was said is not the protocol that was asked for by `--starttls`. */
  | "protocol"
  /** The server of another protocol wants no client from here, or not now. */
  | "rejected"
  /** It speaks that protocol and does not begin TLS: `tls` is false. */
  | "starttls"
  /** The examination was ended before anything was learnt. */
  | "aborted"
  /** It was ended, or the port went away, before all was learnt. */
  | "incomplete"
  /** Some connections are answered in TLS and others are not. */
  | "differs"
  /** Not all was asked, for the server blocks those who ask so much. */
  | "spared";
