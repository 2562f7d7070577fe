import type { AuditReport } from "./report.ts";

/**
 * Whether a port should be examined once more later: nothing could be learnt of it (it refused, was
 * silent, closed or reset each connection, could not be reached), or not everything. One that is spared
 * is not.
 */
export function needsAnotherLook({ tls, errors }: Pick<AuditReport, "tls" | "errors">): boolean {
  if (errors.some(({ code }) => code === "spared")) return false;
  return tls === undefined || errors.some(({ code }) => code === "incomplete");
}
