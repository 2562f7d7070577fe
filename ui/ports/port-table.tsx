import { escaped } from "../../src/reports/escaped.ts";
import type { AuditSummary, StoredPort } from "../../src/web/schemas/port.ts";
import { Expiry } from "../parts/expiry.tsx";
import { Letter } from "../parts/letter.tsx";
import { agoText } from "../parts/times.ts";

/** Ports below each other. */
export function PortTable({ ports, now }: { ports: readonly StoredPort[]; now: Date }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Grade</th>
          <th scope="col">Port</th>
          <th scope="col">Container</th>
          <th scope="col">Who listens</th>
          <th scope="col">Reachable</th>
          <th scope="col">Certificate</th>
          <th scope="col">Opened</th>
        </tr>
      </thead>
      <tbody>
        {ports.map((port) => (
          <Row key={port.id} port={port} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ port, now }: { port: StoredPort; now: Date }) {
  const { audit, closedAt } = port;
  return (
    <tr class={closedAt === null ? "" : "closed"}>
      <td>
        <AuditLetter audit={audit} />
      </td>
      <td>
        <a href={`/ports/${port.id}`}>{placeText(port)}</a>
      </td>
      <td>{port.container === null ? <span class="dim">host</span> : escaped(port.container)}</td>
      <td class="path">{ownerText(port)}</td>
      <td>{escaped(audit?.reachable ?? "")}</td>
      <td>
        {audit?.notAfter != null ? (
          <Expiry notAfter={audit.notAfter} now={now} />
        ) : (
          <span class="dim">{auditText(audit)}</span>
        )}
      </td>
      <td>{openText(port, now)}</td>
    </tr>
  );
}

/** The grade of an audit with a link to it; `–` without TLS, `?` where nobody could tell. */
export function AuditLetter({ audit }: { audit: AuditSummary | null }) {
  if (audit === null) return <span class="dim">…</span>;
  return (
    <a href={`/audits/${audit.id}`} class="plain" title={auditText(audit)}>
      <Letter letter={audit.grade ?? (audit.tls === null ? "?" : "–")} />
    </a>
  );
}

/** `tcp 0.0.0.0:8080` */
export function placeText({ protocol, address, port }: StoredPort): string {
  return `${protocol} ${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The program and its pid. */
export function ownerText({ exepath, pid }: StoredPort): string {
  return [escaped(exepath ?? ""), ...(pid === null ? [] : [`(${pid})`])].join(" ");
}

/** What an audit came to without a grade. */
export function auditText(audit: AuditSummary | null): string {
  if (audit === null) return "not examined";
  if (audit.error !== null) return `could not be examined: ${escaped(audit.error)}`;
  if (audit.tls === false)
    return `no TLS${audit.speaks === null ? "" : `, speaks ${escaped(audit.speaks)}`}`;
  return audit.tls === null ? "could not tell" : "TLS";
}

/** For how long it is open, or was. */
export function openText(
  { openedAt, closedAt, isUnwatchedClosing }: StoredPort,
  now: Date,
): string {
  const opened = agoText(new Date(openedAt), now);
  if (closedAt === null) return opened;
  return `closed ${isUnwatchedClosing ? "unwatched, before " : ""}${agoText(new Date(closedAt), now)}`;
}
