import type { AuditReport, Finding, WeaknessVerdict } from "./report.ts";
import { SUITE_WEAKNESSES } from "./weaknesses/suite-weaknesses.ts";

type Verdicts = Readonly<Record<string, WeaknessVerdict>>;

/** Weaknesses and remarks that say that something is missing. */
const ABSENCES: ReadonlySet<string> = new Set([
  "no-tls13",
  "no-post-quantum",
  "no-forward-secrecy",
]);

const BY_SUITES: ReadonlySet<string> = new Set(SUITE_WEAKNESSES.map(({ id }) => id));

/**
 * Verdicts on a list of versions and suites that is not whole: what was found stands, and what was
 * not found is unknown, for it may only not have been asked.
 */
export function verdictsOnPart(verdicts: Verdicts): Verdicts {
  return Object.fromEntries(
    Object.entries(verdicts).map(([id, verdict]): [string, WeaknessVerdict] => {
      const isProven = verdict === "not vulnerable" && !BY_SUITES.has(id);
      const stands = isProven || (verdict === "vulnerable" && !ABSENCES.has(id));
      return [id, stands ? verdict : "unknown"];
    }),
  );
}

/** Findings on such a list: none that says that something is missing. */
export function findingsOnPart(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ id }) => !ABSENCES.has(id));
}

/** The worst letter that was found: F is worst whatever else there is, another is none yet. */
export function leastOnPart(letter: AuditReport["leastStrength"]): string {
  return letter === "F" ? letter : "unknown";
}
