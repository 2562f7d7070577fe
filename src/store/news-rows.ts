import type { Insertable } from "kysely";
import { fieldsText } from "../alerts/format.ts";
import { ownerName } from "../alerts/opened-port.ts";
import type { AuditReport } from "../audit/report.ts";
import { isoText } from "../lib/time-text.ts";
import type {
  AlertNews,
  LossNews,
  NewsStamp,
  NoteNews,
  PortNews,
  ProblemNews,
} from "../news/news.ts";
import { urgencyOf } from "../rules/priority.ts";
import type { Series } from "./series.ts";
import type { NewAlert } from "./backend.ts";
import type { Tables } from "./tables.ts";
import { factTerms } from "./terms.ts";

/** What all rows of one piece of news have. */
export interface RowStamp {
  readonly id: number;
  readonly sequence: number | null;
  readonly host: string;
}

/** The stamp of a row; news that no engine has numbered have the number 0. */
export function rowStamp({ sequence, host }: NewsStamp, id: number): RowStamp {
  return { id, sequence: sequence === 0 ? null : sequence, host };
}

/** What an alert has in common with others. */
export function seriesOf({ alert, silence }: AlertNews): Series {
  return {
    priority: urgencyOf(alert.priority),
    rule: alert.rule,
    source: alert.source,
    host: alert.hostname,
    container: ownerName(alert),
    tags: JSON.stringify(alert.tags.toSorted()),
    silence: silence ?? "",
  };
}

export function alertRow(
  { id, sequence }: RowStamp,
  { alert, silence }: AlertNews,
  series: number,
): NewAlert {
  return {
    id,
    sequence,
    series,
    time: isoText(alert.time),
    message: alert.message.toWellFormed(),
    fields: fieldsText(alert.outputFields),
    uuid: alert.uuid,
    terms: factTerms(alert, silence !== undefined),
  };
}

export function portRow(
  { id, sequence, host }: RowStamp,
  port: PortNews,
): Insertable<Tables["port"]> {
  return {
    id,
    sequence,
    host,
    protocol: port.protocol,
    address: port.address,
    port: port.port,
    namespace: port.namespace,
    container: port.container ?? port.containerId ?? null,
    container_id: port.containerId ?? null,
    exepath: port.process?.exepath ?? null,
    pid: port.process?.pid ?? null,
    closed: null,
    unwatched: 0,
  };
}

export function auditRow(
  { id, sequence, host }: RowStamp,
  report: AuditReport,
): Insertable<Tables["audit"]> {
  const findings: Record<string, number> = {};
  for (const { severity } of report.findings) findings[severity] = (findings[severity] ?? 0) + 1;
  const failed = report.errors.find(({ code }) => code !== undefined);
  return {
    id,
    sequence,
    host,
    started_at: report.startedAt,
    target: report.target,
    container: report.container ?? null,
    address: report.listener?.address ?? report.host,
    port: report.port,
    exepath: report.listener?.exepath ?? null,
    reachable: report.reachable ?? null,
    tls: report.tls === undefined ? null : report.tls ? 1 : 0,
    speaks: report.speaks ?? null,
    grade: report.grade?.letter ?? null,
    not_after: report.certificates[0]?.notAfter ?? null,
    findings: JSON.stringify(findings),
    error: failed?.error ?? null,
    report: JSON.stringify(report),
  };
}

export function noticeRow(
  { id, sequence }: RowStamp,
  news: LossNews | ProblemNews | NoteNews,
): Insertable<Tables["notice"]> {
  const { kind } = news;
  return kind === "loss"
    ? { id, sequence, kind, text: `${news.count} ${news.what}: ${news.reason}`, count: news.count }
    : { id, sequence, kind, text: news.text, count: null };
}
