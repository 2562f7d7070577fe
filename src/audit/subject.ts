import type { VersionCode } from "../tls/client-hello.ts";
import type { Accepted } from "./enumerate.ts";
import type { Prober } from "./prober.ts";

/** One version that the server speaks, and what it accepts there. */
export interface SubjectProtocol {
  readonly version: VersionCode;
  /** `TLSv1.2` */
  readonly name: string;
  /** All accepted suites with the flights in which they were picked. */
  readonly accepted: readonly Accepted[];
  /** Suites of which it could not be told whether they are accepted. */
  readonly undecided: readonly number[];
  /** Names; undefined for TLS 1.3, which has none. */
  readonly compressors: readonly string[] | undefined;
}

/** A server that is known to speak TLS, as further probes find it. */
export interface Subject {
  readonly prober: Prober;
  /** Newest first; at least one. */
  readonly protocols: readonly SubjectProtocol[];
}
