import { auditById, auditPage, noticePage } from "../store/audit-queries.ts";
import { driftSince, placeHistory, portById, portPage } from "../store/port-queries.ts";
import { idAt } from "../store/row-clock.ts";
import { auditHtml } from "../reports/audit-html.ts";
import { auditJson } from "../reports/audit-json.ts";
import { auditNmap } from "../reports/audit-nmap.ts";
import { auditText } from "../reports/audit-text.ts";
import type { AuditReport } from "../audit/report.ts";
import { rowId } from "./alert-handlers.ts";
import { type Answer, json, Refusal } from "./answer.ts";
import type { Handlers } from "./handlers.ts";
import { auditSummary, notice, storedPort } from "./rows.ts";
import type { NoticePage } from "./schemas/health.ts";
import type { AuditPage, PortDrift, PortHistory, PortPage } from "./schemas/port.ts";

/** Handlers of ports and audits, and of what was lost. */
export const PORT_HANDLERS = {
  ports: async ({ query }, { store }) => {
    const ports = (await portPage(store.backend, query)).map(storedPort);
    const page: PortPage = { ports, older: olderOf(ports, query.limit) };
    return json(page);
  },
  portHistory: async ({ parameters }, { store }) => {
    const found = await portOf(store.backend, parameters);
    const { openings, audits } = await placeHistory(store.backend, found.port);
    const history: PortHistory = {
      port: storedPort(found),
      openings: openings.map((port) => storedPort({ port, audit: undefined })),
      audits: audits.map(auditSummary),
    };
    return json(history);
  },
  portDrift: async ({ query }, { store, now }) => {
    const since = query.since ?? now() - DAY_MS;
    const { opened, closed, regraded } = await driftSince(store.backend, idAt(since));
    const drift: PortDrift = {
      since,
      opened: opened.map(storedPort),
      closed: closed.map(storedPort),
      regraded: regraded.map(({ before, after }) => ({
        before: auditSummary(before),
        after: auditSummary(after),
      })),
    };
    return json(drift);
  },
  auditAgain: async ({ parameters }, { store, watch }) => {
    const found = await portOf(store.backend, parameters);
    const obstacle = await watch.examine(storedPort(found));
    if (obstacle !== undefined) throw new Refusal(409, "The port is not examined", obstacle);
    return { status: 202 };
  },
  audits: async ({ query }, { store }) => {
    const audits = (await auditPage(store.backend, query)).map(auditSummary);
    const page: AuditPage = { audits, older: olderOf(audits, query.limit) };
    return json(page);
  },
  audit: async ({ parameters }, { store }) => {
    const audit = await auditOf(store.backend, parameters);
    return json({ summary: auditSummary(audit), report: JSON.parse(audit.report) as unknown });
  },
  auditReport: async ({ parameters, query }, { store }) => {
    const { report, target } = await auditOf(store.backend, parameters);
    const parsed = JSON.parse(report) as AuditReport;
    const { type, ending, text } = FORMS[query.format];
    return attachment(type, `${target.replace(/[^A-Za-z0-9.-]/g, "_")}.${ending}`, text(parsed));
  },
  notices: async ({ query }, { store }) => {
    const notices = (await noticePage(store.backend, query)).map(notice);
    const page: NoticePage = { notices, older: olderOf(notices, query.limit) };
    return json(page);
  },
} satisfies Handlers<
  | "ports"
  | "portHistory"
  | "portDrift"
  | "auditAgain"
  | "audits"
  | "audit"
  | "auditReport"
  | "notices"
>;

async function portOf(
  backend: Parameters<typeof portById>[0],
  { id }: Readonly<Record<string, string>>,
) {
  const found = await portById(backend, rowId(id));
  if (found === undefined) throw new Refusal(404, "There is no such port");
  return found;
}

async function auditOf(
  backend: Parameters<typeof auditById>[0],
  { id }: Readonly<Record<string, string>>,
) {
  const found = await auditById(backend, rowId(id));
  if (found === undefined) throw new Refusal(404, "There is no such audit");
  return found;
}

function olderOf(rows: readonly { readonly id: number }[], limit: number): number | null {
  return rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
}

function attachment(type: string, name: string, body: string): Answer {
  return {
    status: 200,
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-disposition": `attachment; filename="${name}"`,
      // It has styles of its own, and is to be opened from a disk.
      "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    },
    body,
  };
}

const FORMS = {
  html: { type: "text/html", ending: "html", text: (report: AuditReport) => auditHtml([report]) },
  text: { type: "text/plain", ending: "txt", text: auditText },
  nmap: { type: "text/plain", ending: "nmap", text: auditNmap },
  json: { type: "application/json", ending: "json", text: auditJson },
} as const;

const DAY_MS = 86_400_000;
