import type { z } from "zod";
import {
  AlertCountQuery,
  AlertExportQuery,
  AlertQuery,
  AlertTimelineQuery,
  AlertFilter,
} from "./schemas/alert-query.ts";
import { AlertCounts, AlertPage, AlertTimeline, StoredAlert } from "./schemas/alert.ts";
import { Health, NoticePage, NoticeQuery } from "./schemas/health.ts";
import {
  AuditPage,
  AuditQuery,
  AuditReportQuery,
  DriftQuery,
  PortDrift,
  PortHistory,
  PortPage,
  PortQuery,
  StoredAudit,
} from "./schemas/port.ts";
import { RuleDetail, RuleList } from "./schemas/rule.ts";
import { Login, Proof, ProofQuery, Session } from "./schemas/session.ts";
import { NewSilence, Silence, SilenceList } from "./schemas/silence.ts";

/** One operation of the API. */
export interface Route {
  readonly method: "get" | "post" | "delete";
  /** Parameters as `{name}`. */
  readonly path: string;
  readonly doc: string;
  /** Keys of the query; of an array a key may be repeated. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** JSON, where it is a schema; else the media type. */
  readonly answer: z.ZodType | string;
  /** Answered without a session or token. */
  readonly isOpen?: true;
}

/** The API, from which its server and `openapi.json` are made. */
export const ROUTES = {
  alerts: {
    method: "get",
    path: "/api/v1/alerts",
    doc: "A page of alerts, newest first",
    query: AlertQuery,
    answer: AlertPage,
  },
  alertCounts: {
    method: "get",
    path: "/api/v1/alerts/counts",
    doc: "How many alerts, by value",
    query: AlertCountQuery,
    answer: AlertCounts,
  },
  alertTimeline: {
    method: "get",
    path: "/api/v1/alerts/timeline",
    doc: "How many alerts, over time",
    query: AlertTimelineQuery,
    answer: AlertTimeline,
  },
  alertExport: {
    method: "get",
    path: "/api/v1/alerts/export",
    doc: "All matching alerts as a file: Falco's JSON lines, or CSV",
    query: AlertExportQuery,
    answer: "application/octet-stream",
  },
  alert: { method: "get", path: "/api/v1/alerts/{id}", doc: "One alert", answer: StoredAlert },
  ports: {
    method: "get",
    path: "/api/v1/ports",
    doc: "Ports, newest opening first",
    query: PortQuery,
    answer: PortPage,
  },
  portDrift: {
    method: "get",
    path: "/api/v1/ports/drift",
    doc: "What has opened, closed and changed its grade since",
    query: DriftQuery,
    answer: PortDrift,
  },
  portHistory: {
    method: "get",
    path: "/api/v1/ports/{id}",
    doc: "One port with its openings and audits",
    answer: PortHistory,
  },
  auditAgain: {
    method: "post",
    path: "/api/v1/ports/{id}/audit",
    doc: "Examine an open port again: 202, its audit comes with the stream",
    answer: "application/problem+json",
  },
  audits: {
    method: "get",
    path: "/api/v1/audits",
    doc: "Audits, newest first",
    query: AuditQuery,
    answer: AuditPage,
  },
  audit: {
    method: "get",
    path: "/api/v1/audits/{id}",
    doc: "One audit whole",
    answer: StoredAudit,
  },
  auditReport: {
    method: "get",
    path: "/api/v1/audits/{id}/report",
    doc: "One audit as a file",
    query: AuditReportQuery,
    answer: "text/html",
  },
  rules: {
    method: "get",
    path: "/api/v1/rules",
    doc: "The rules that are loaded",
    answer: RuleList,
  },
  rule: {
    method: "get",
    path: "/api/v1/rules/{name}",
    doc: "One rule with its clauses",
    answer: RuleDetail,
  },
  health: {
    method: "get",
    path: "/api/v1/health",
    doc: "What is watched, lost, delivered and kept, and since when",
    answer: Health,
  },
  notices: {
    method: "get",
    path: "/api/v1/notices",
    doc: "Losses, problems and notes, newest first",
    query: NoticeQuery,
    answer: NoticePage,
  },
  silences: {
    method: "get",
    path: "/api/v1/silences",
    doc: "The silences that hold, the next to end first",
    answer: SilenceList,
  },
  silence: {
    method: "post",
    path: "/api/v1/silences",
    doc: "Silence alerts of a rule for a while: they are kept, and sent to no output",
    body: NewSilence,
    answer: Silence,
  },
  endSilence: {
    method: "delete",
    path: "/api/v1/silences/{id}",
    doc: "End a silence: 204",
    answer: "application/problem+json",
  },
  stream: {
    method: "get",
    path: "/api/v1/stream",
    doc: "What happens, as it happens: server-sent events",
    query: AlertFilter,
    answer: "text/event-stream",
  },
  login: {
    method: "post",
    path: "/api/v1/login",
    doc: "A session for the token: sets its cookie",
    body: Login,
    answer: Session,
    isOpen: true,
  },
  logout: {
    method: "post",
    path: "/api/v1/logout",
    doc: "Ends the session",
    answer: Session,
    isOpen: true,
  },
  session: {
    method: "get",
    path: "/api/v1/session",
    doc: "Whether the request has a session",
    answer: Session,
    isOpen: true,
  },
  proof: {
    method: "get",
    path: "/api/v1/proof",
    doc: "Proves to who has the token that the server has it, too: base64url of its HMAC-SHA256 of `proof PORT QUESTION`",
    query: ProofQuery,
    answer: Proof,
    isOpen: true,
  },
} as const satisfies Record<string, Route>;
