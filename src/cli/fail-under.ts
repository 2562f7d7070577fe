import { letterRank } from "../audit/overall-grade.ts";
import type { AuditReport } from "../audit/report.ts";
import { incompleteText, unexaminedText } from "../reports/audit-summary.ts";

/** What a pipeline asks of each target. */
export interface Demand {
  /** The worst letter that is no finding; undefined when nothing is asked. */
  readonly failUnder: string | undefined;
  /**
   * Take the letter that the server would have if its certificate were trusted and for this name.
   */
  readonly ignoreTrust: boolean;
}

/** Why a target does not meet the demand, with a hint where one helps. */
export interface Shortfall {
  readonly message: string;
  readonly hint?: string;
}

/**
 * What a demand finds wrong with a report; undefined when nothing. T and M are worse than all
 * letters, and so is having none; but a port that
 * nobody named (`isFound`) and that speaks something else than TLS is no finding.
 */
export function shortfall(
  report: Pick<AuditReport, "target" | "tls" | "speaks" | "grade" | "errors">,
  { failUnder, ignoreTrust }: Demand,
  isFound: boolean,
): Shortfall | undefined {
  const { target, tls, speaks, grade } = report;
  if (failUnder === undefined) return undefined;
  if (tls === undefined) return { message: `${target} ${unexaminedText(report)}` };
  const incomplete = tls ? incompleteText(report) : undefined;
  if (incomplete !== undefined)
    return { message: `${target} cannot be held against ${failUnder}: ${incomplete}` };
  if (isFound && !tls && speaks !== undefined) return undefined;
  const letter = (ignoreTrust ? grade?.ignoringTrust : undefined) ?? grade?.letter;
  if (letter === undefined)
    return { message: `${target} has no TLS that could be graded, which is under ${failUnder}` };
  if (letterRank(letter) <= letterRank(failUnder)) return undefined;
  const message = `${target} has grade ${letter}, which is under ${failUnder}`;
  return letter === "T" || letter === "M"
    ? {
        message,
        hint: "--ca-file names the authorities that count, --ignore-trust takes the letter without trust and names",
      }
    : { message };
}
