/** The audit of one port: the contract of `report/tls/NAME_PORT.json`. Absent protocols are absent keys. */
export interface AuditReport {
  readonly target: string;
  readonly host: string;
  readonly port: number;
  readonly container?: string;
  /** From where the port can be reached, where the watch knows: `published at 0.0.0.0:8080`, `loopback only`, … */
  readonly reachable?: string;
  /** False also when nothing could be learnt: `errors` says why. */
  readonly tls: boolean;
  /** What a port without TLS speaks, where known: `http`, `ssh`, …; `silent` when it says nothing. */
  readonly speaks?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly connections: number;
  readonly protocols: Readonly<Record<string, ProtocolReport>>;
  /** The worst letter of all suites; absent without TLS. */
  readonly leastStrength?: string;
  /** Names of the groups that the server chose. */
  readonly groups: readonly string[];
  /** The leaf first. */
  readonly certificates: readonly CertificateReport[];
  readonly findings: readonly Finding[];
  readonly errors: readonly ProbeError[];
}

export interface ProtocolReport {
  /** In the server's order where it has one, else by name. */
  readonly ciphers: readonly CipherReport[];
  /** Absent for TLS 1.3. */
  readonly compressors?: readonly string[];
  readonly cipherPreference?: "server" | "client" | "indeterminate";
  readonly cipherPreferenceError?: string;
  readonly warnings: readonly string[];
}

export interface CipherReport {
  /** `0xC02F` */
  readonly id: string;
  readonly name: string;
  /** The group or key that the exchange rests on, such as `secp256r1` or `rsa 2048`. */
  readonly kexInfo?: string;
  /** A to F, or `unknown`. */
  readonly strength: string;
}

export interface CertificateReport {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly names: readonly string[];
  readonly keyType: string;
  readonly keyBits?: number;
  readonly curve?: string;
  readonly signatureAlgorithm: string;
  readonly serialNumber: string;
  readonly fingerprintSha256: string;
  readonly isSelfSigned: boolean;
}

export interface Finding {
  readonly id: string;
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly title: string;
  readonly evidence: string;
}

/** A probe that could not tell: never read as "not supported". */
export interface ProbeError {
  readonly probe: string;
  readonly error: string;
}
