import { PRIORITIES } from "../rules/priority.ts";
import type { KeptAlert } from "../store/alert-queries.ts";
import type { Kept } from "../store/kept.ts";
import type { AuditedPort, KeptAudit } from "../store/port-queries.ts";
import { isoOfId } from "../store/row-clock.ts";
import type { Tables } from "../store/tables.ts";
import type { Notice } from "./schemas/health.ts";
import type { AuditSummary, StoredPort } from "./schemas/port.ts";

/** `StoredAlert` as JSON text: what is JSON in the row goes out as it is. */
export function alertJson(alert: Omit<KeptAlert, "series">): string {
  const { id, sequence, uuid, time, rule, source, message } = alert;
  const known = {
    id,
    sequence,
    uuid,
    time,
    priority: PRIORITIES[alert.priority],
    rule,
    source,
    hostname: alert.host,
    container: alert.container,
    message,
    silence: alert.silence === "" ? null : alert.silence,
  };
  return `${JSON.stringify(known).slice(0, -1)},"tags":${alert.tags},"output_fields":${alert.fields}}`;
}

/** The same of one that has just been kept. */
export function keptAlertJson({ row, series }: NonNullable<Kept["alert"]>): string {
  return alertJson({ ...row, ...series });
}

export function auditSummary(audit: KeptAudit): AuditSummary {
  return {
    id: audit.id,
    sequence: audit.sequence,
    startedAt: audit.started_at,
    target: audit.target,
    container: audit.container,
    address: audit.address,
    port: audit.port,
    exepath: audit.exepath,
    reachable: audit.reachable,
    tls: audit.tls === null ? null : audit.tls === 1,
    speaks: audit.speaks,
    grade: audit.grade,
    notAfter: audit.not_after,
    findings: JSON.parse(audit.findings) as Record<string, number>,
    error: audit.error,
  };
}

export function storedPort({ port, audit }: AuditedPort): StoredPort {
  return {
    id: port.id,
    sequence: port.sequence,
    hostname: port.host,
    protocol: port.protocol,
    address: port.address,
    port: port.port,
    namespace: port.namespace,
    container: port.container,
    containerId: port.container_id,
    exepath: port.exepath,
    pid: port.pid,
    openedAt: isoOfId(port.id),
    closedAt: port.closed === null ? null : isoOfId(port.closed),
    isUnwatchedClosing: port.unwatched === 1,
    audit: audit === undefined ? null : auditSummary(audit),
  };
}

export function notice(row: Tables["notice"]): Notice {
  const { id, sequence, kind, text, count } = row;
  return { id, sequence, kind, text, count };
}
