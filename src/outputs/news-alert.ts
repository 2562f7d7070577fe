import { createHash } from "node:crypto";
import type { Alert, OutputFields } from "../alerts/alert.ts";
import type { AuditReport } from "../audit/report.ts";
import type { AuditNews, News, PortNews } from "../news/news.ts";
import { auditSummary } from "../reports/audit-summary.ts";
import type { Priority } from "../rules/priority.ts";

/** What of the news services may get; an alert is one as it is. */
export const NEWS_WORDS = ["alert", "audit", "port"] as const;
/** One of `NEWS_WORDS`. */
export type NewsWord = (typeof NEWS_WORDS)[number];

/**
 * News in the form of an alert, so that every service shows them in its own: ports and audits as
 * alerts of the source `posture`. Undefined for news of no such kind.
 */
export function newsAlert(news: News, wanted: readonly string[]): Alert | undefined {
  const isWanted = (word: NewsWord): boolean => wanted.includes(word);
  if (news.kind === "alert") return isWanted("alert") ? news.alert : undefined;
  if (news.kind === "audit") return isWanted("audit") ? auditAlert(news) : undefined;
  if (news.kind !== "port-opened" && news.kind !== "port-closed") return undefined;
  return isWanted("port") ? portAlert(news, news.kind, news.port) : undefined;
}

function auditAlert(news: News & AuditNews): Alert {
  const { report } = news;
  return posture(news, {
    rule: "Port examined",
    priority: auditPriority(report),
    message: `Port examined: ${auditSummary(report)}`,
    tags: ["posture", "audit"],
    outputFields: {
      "container.name": report.container ?? null,
      "port.address": report.listener?.address ?? report.address ?? report.host,
      "port.number": report.port,
      "port.reachable": report.reachable ?? null,
      "proc.exepath": report.listener?.exepath ?? null,
      "tls.findings": report.findings.map(({ id }) => id).join(",") || null,
      "tls.grade": report.grade?.letter ?? null,
      "tls.versions": Object.keys(report.protocols).toSorted().join(",") || null,
    },
  });
}

/** As urgent as the worst that was found; a port that could not be examined is worth a notice. */
function auditPriority({ tls, findings }: AuditReport): Priority {
  const worst = (["critical", "high", "medium", "low"] as const).find((severity) =>
    findings.some((finding) => finding.severity === severity),
  );
  if (worst !== undefined) return PRIORITIES[worst];
  return tls === undefined ? "Notice" : "Informational";
}

const PRIORITIES = {
  critical: "Critical",
  high: "Error",
  medium: "Warning",
  low: "Notice",
} as const;

function portAlert(news: News, kind: "port-opened" | "port-closed", port: PortNews): Alert {
  const { protocol, address, port: number, container, containerId, process } = port;
  const rule = kind === "port-opened" ? "Port opened" : "Port closed";
  const place = `${protocol} ${address.includes(":") ? `[${address}]` : address}:${number}`;
  const by = process === undefined ? "" : ` by ${process.exepath}`;
  return posture(news, {
    rule,
    priority: kind === "port-opened" ? "Notice" : "Informational",
    message: `${rule}: ${place}${by} in ${container ?? containerId ?? "the host"}`,
    tags: ["posture", "port"],
    outputFields: {
      "container.id": containerId ?? null,
      "container.name": container ?? null,
      "port.address": address,
      "port.number": number,
      "port.protocol": protocol,
      "proc.exepath": process?.exepath ?? null,
      "proc.pid": process?.pid ?? null,
    },
  });
}

interface Posture {
  readonly rule: string;
  readonly priority: Priority;
  readonly message: string;
  readonly tags: readonly string[];
  readonly outputFields: OutputFields;
}

function posture({ time, host, sequence }: News, alert: Posture): Alert {
  const id = createHash("sha256").update(`${host} ${time} ${sequence}`).digest("hex");
  // The same news have the same number, however often they are sent.
  const uuid = id.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-8$4-$5");
  return { ...alert, source: "posture", time, hostname: host, uuid };
}
