import { messageOf } from "../../lib/errors.ts";
import { attempt } from "../attempt.ts";
import type { AuditReport, Finding, WeaknessVerdict } from "../report.ts";
import { CCS_INJECTION } from "./ccs-injection.ts";
import { HEARTBLEED } from "./heartbleed.ts";
import { INVALID_CURVE } from "./invalid-curve.ts";
import { POODLE_TLS } from "./poodle-tls.ts";
import { remarks } from "./remarks.ts";
import { ROBOT } from "./robot.ts";
import { STARTTLS_INJECTION } from "./starttls-injection.ts";
import { SUITE_WEAKNESSES } from "./suite-weaknesses.ts";
import { TICKETBLEED } from "./ticketbleed.ts";
import type { Evidence, Verdict, Weakness } from "./weakness.ts";

/**
 * All that is looked for. On a server of TLS 1.2 and 1.3 without heartbeats, CBC and RSA key
 * exchange they cost three connections.
 */
export const WEAKNESSES: readonly Weakness[] = [
  HEARTBLEED,
  CCS_INJECTION,
  ROBOT,
  POODLE_TLS,
  TICKETBLEED,
  INVALID_CURVE,
  STARTTLS_INJECTION,
  ...SUITE_WEAKNESSES,
];

/**
 * Judges every weakness, and finds what else is to be said. A probe that could not tell is an
 * error of the prober's.
 */
export async function assessWeaknesses(
  evidence: Evidence,
): Promise<{
  readonly verdicts: NonNullable<AuditReport["weaknesses"]>;
  readonly findings: Finding[];
}> {
  const verdicts: Record<string, WeaknessVerdict> = {};
  const findings: Finding[] = [];
  const judged = await Promise.all(
    WEAKNESSES.map(async (weakness) => ({ weakness, verdict: await assess(weakness, evidence) })),
  );
  for (const { weakness, verdict } of judged) {
    const { id, severity, title, explanation } = weakness;
    verdicts[id] = verdict.kind;
    if (verdict.kind === "unknown") evidence.prober.note(id, verdict.reason);
    if (verdict.kind === "vulnerable")
      findings.push({ id, severity, title, evidence: verdict.evidence, explanation });
  }
  const facts = "what else is to be said of the server";
  const others = await attempt({ prober: evidence.prober, probe: "remarks", facts }, () =>
    remarks(evidence),
  );
  return { verdicts, findings: [...findings, ...(others ?? [])] };
}

/**
 * What a probe throws tells nothing of the weakness, whoever's fault it is: a peer that ends the
 * handshake, a key that OpenSSL refuses.
 */
async function assess({ examine }: Weakness, evidence: Evidence): Promise<Verdict> {
  try {
    return await examine(evidence);
  } catch (thrown) {
    return { kind: "unknown", reason: messageOf(thrown) };
  }
}
