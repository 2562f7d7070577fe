import type { Finding, Features } from "../report.ts";
import type { Subject } from "../subject.ts";

/** What came of a probe. */
export type Verdict =
  | { readonly kind: "vulnerable"; /** What was seen, in one line. */ readonly evidence: string }
  | { readonly kind: "not vulnerable" }
  /** The server offers nothing that could be attacked so. */
  | { readonly kind: "not applicable" }
  | { readonly kind: "unknown"; readonly reason: string };

/** What weaknesses are judged from. */
export interface Evidence extends Subject {
  readonly features: Features;
  /** DER of the leaf certificates, one for each kind of key. */
  readonly leaves: readonly Uint8Array[];
}

/** One known weakness: what it is called, what it means, and how it shows. */
export interface Weakness {
  /** `heartbleed`, `robot`, … */
  readonly id: string;
  readonly severity: Finding["severity"];
  readonly title: string;
  /** One sentence: what an attacker can do. */
  readonly explanation: string;
  /** Looks for it: from what is known already where that is enough, else with connections of its own. May reject with `PEER_…`; that counts as unknown. */
  readonly examine: (evidence: Evidence) => Verdict | Promise<Verdict>;
}
