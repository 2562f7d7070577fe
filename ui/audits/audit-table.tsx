import { escaped } from "../../src/reports/escaped.ts";
import type { AuditSummary } from "../../src/web/schemas/port.ts";
import { Expiry } from "../parts/expiry.tsx";
import { agoText } from "../parts/times.ts";
import { AuditLetter, auditText } from "../ports/port-table.tsx";

/** Audits below each other. */
export function AuditTable({ audits, now }: { audits: readonly AuditSummary[]; now: Date }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Grade</th>
          <th scope="col">Target</th>
          <th scope="col">Who listens</th>
          <th scope="col">Findings</th>
          <th scope="col">Certificate</th>
          <th scope="col">Examined</th>
        </tr>
      </thead>
      <tbody>
        {audits.map((audit) => (
          <tr key={audit.id}>
            <td>
              <AuditLetter audit={audit} />
            </td>
            <td>
              <a href={`/audits/${audit.id}`}>{escaped(audit.target)}</a>
            </td>
            <td class="path">{escaped(audit.exepath ?? "")}</td>
            <td>{findingsText(audit)}</td>
            <td>
              {audit.notAfter === null ? (
                <span class="dim">{auditText(audit)}</span>
              ) : (
                <Expiry notAfter={audit.notAfter} now={now} />
              )}
            </td>
            <td>
              <time dateTime={audit.startedAt} title={audit.startedAt}>
                {agoText(new Date(audit.startedAt), now)}
              </time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function findingsText({ findings }: AuditSummary): string {
  return SEVERITIES.flatMap((severity) => {
    const count = findings[severity] ?? 0;
    return count === 0 ? [] : [`${count} ${severity}`];
  }).join(", ");
}

const SEVERITIES = ["critical", "high", "medium", "low"];
