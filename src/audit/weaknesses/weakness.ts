import type { Sslv2ServerHello } from "../../tls/sslv2.ts";
import type { Features, Finding } from "../report.ts";
import type { Subject, SubjectProtocol } from "../subject.ts";

/** What came of a probe. */
export type Verdict =
  | { readonly kind: "vulnerable"; /** What was seen, in one line. */ readonly evidence: string }
  | { readonly kind: "not vulnerable" }
  /** The server offers nothing that could be attacked so. */
  | { readonly kind: "not applicable" }
  | { readonly kind: "unknown"; readonly reason: string };

/** The server was examined and does not have the weakness. */
export const NOT_VULNERABLE: Verdict = { kind: "not vulnerable" };
/** The server offers nothing that could be attacked so. */
export const NOT_APPLICABLE: Verdict = { kind: "not applicable" };

/** What weaknesses are judged from. */
export interface Evidence extends Subject {
  readonly features: Features;
  /** The protocol in which TLS was asked for; undefined where it begins at once. */
  readonly starttls?: string | undefined;
  /** DER of the leaf certificates, one for each kind of key. */
  readonly leaves: readonly Uint8Array[];
  /** Names of the groups of all versions. */
  readonly groups: readonly string[];
  /** Names of the signature schemes of TLS 1.2 and newer. */
  readonly schemes: readonly string[];
  readonly sslv2: Sslv2ServerHello | undefined;
  /**
   * The first line of what plain HTTP on the same port is answered with, where that is a page and
   * not a refusal.
   */
  readonly plainAnswer: string | undefined;
  /** A ticket that the server gave in TLS 1.2 or older. */
  readonly ticket: Uint8Array | undefined;
}

/** One known weakness: what it is called, what it means, and how it shows. */
export interface Weakness {
  /** `heartbleed`, `robot`, … */
  readonly id: string;
  readonly severity: Finding["severity"];
  readonly title: string;
  /** One sentence: what an attacker can do. */
  readonly explanation: string;
  /**
   * Looks for it: from what is known already where that is enough, else with connections of its
   * own. May reject with `PEER_…`; that counts as unknown.
   */
  readonly examine: (evidence: Evidence) => Verdict | Promise<Verdict>;
}

/**
 * The newest version up to TLS 1.2, where most weaknesses live; undefined for a server of TLS 1.3
 * alone.
 */
export function newestOlder({
  protocols,
}: Pick<Subject, "protocols">): SubjectProtocol | undefined {
  return protocols.find(({ version }) => version < 0x0304);
}

/** Vulnerable with this evidence, or not. */
export function vulnerableIf(evidence: string | undefined): Verdict {
  return evidence === undefined ? NOT_VULNERABLE : { kind: "vulnerable", evidence };
}
