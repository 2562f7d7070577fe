import {
  alertById,
  type AlertFilter as KeptFilter,
  alertPage,
  type KeptAlert,
} from "../store/alert-queries.ts";
import { alertCounts, alertTimeline } from "../store/alert-tallies.ts";
import type { Backend } from "../store/backend.ts";
import { idAt, minuteOf } from "../store/row-clock.ts";
import { PRIORITIES } from "../rules/priority.ts";
import { json, jsonText, Refusal } from "./answer.ts";
import type { Handlers } from "./handlers.ts";
import { alertJson } from "./rows.ts";
import type { AlertFilter } from "./schemas/alert-query.ts";
import type { AlertCounts, AlertTimeline } from "./schemas/alert.ts";

/** What the query of alerts asks of the store. */
export function filterOf(query: AlertFilter): KeptFilter {
  return {
    above: query.since === undefined ? undefined : idAt(query.since) - 1,
    below: query.until === undefined ? undefined : idAt(query.until),
    is: {
      ...(query.priority && { priority: query.priority }),
      ...(query.rule && { rule: query.rule }),
      ...(query.source && { source: query.source }),
      ...(query.host && { host: query.host }),
      ...(query.container && { container: query.container }),
      ...(query.tag && { tag: query.tag }),
      ...(query.field && { field: query.field }),
      ...(query.silenced === "yes" && { silenced: ["yes"] }),
    },
    isNot: {
      ...(query["priority!"] && { priority: query["priority!"] }),
      ...(query["rule!"] && { rule: query["rule!"] }),
      ...(query["source!"] && { source: query["source!"] }),
      ...(query["host!"] && { host: query["host!"] }),
      ...(query["container!"] && { container: query["container!"] }),
      ...(query["tag!"] && { tag: query["tag!"] }),
      ...(query["field!"] && { field: query["field!"] }),
      ...(query.silenced === "no" && { silenced: ["yes"] }),
    },
    text: query.text,
  };
}

/** Handlers of alerts. */
export const ALERT_HANDLERS = {
  alerts: async ({ query }, { store }) => {
    const { alerts, older, newer } = await alertPage(store.backend, filterOf(query), query);
    const rows = alerts.map((alert) => alertJson(alert)).join(",");
    return jsonText(`{"alerts":[${rows}],"older":${older},"newer":${newer}}`);
  },
  alert: async ({ parameters }, { store }) => {
    const alert = await alertById(store.backend, rowId(parameters["id"]));
    if (alert === undefined) throw new Refusal(404, "There is no such alert");
    return jsonText(alertJson(alert));
  },
  alertCounts: async ({ query }, { store }) => {
    const found = await alertCounts(store.backend, filterOf(query), query.by);
    const by: AlertCounts["by"] = {};
    for (const [dimension, values] of found.by)
      by[dimension] = values.slice(0, query.top).map(([value, count]) => ({ value, count }));
    const counts: AlertCounts = { total: found.total, by, countedSince: found.countedSince };
    return json(counts);
  },
  alertTimeline: async ({ query }, { store, now }) => {
    const filter = filterOf(query);
    const to = query.until ?? now();
    const from = Math.min(to, query.since ?? (await oldestMs(store.backend)) ?? to);
    return json(await timelineOf(store.backend, filter, { ...query, from, to }));
  },
  alertExport: ({ query }, { store }) => ({
    status: 200,
    headers: {
      "content-type": query.format === "csv" ? "text/csv; charset=utf-8" : "application/jsonl",
      "content-disposition": `attachment; filename="alerts.${query.format}"`,
    },
    body: query.format === "csv" ? csvOf(store.backend, query) : linesOf(store.backend, query),
  }),
} satisfies Handlers<"alerts" | "alert" | "alertCounts" | "alertTimeline" | "alertExport">;

/** Throws `Refusal` for what is no id. */
export function rowId(text = ""): number {
  const id = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(id)) return id;
  throw new Refusal(400, "An id is a whole number");
}

async function oldestMs({ db }: Backend): Promise<number | undefined> {
  const row = await db
    .selectFrom("alert")
    .select("id")
    .orderBy("id", "asc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : Math.floor(row.id / 1000);
}

interface Window {
  readonly by: "priority" | "rule" | "source" | "host" | "container";
  readonly steps: number;
  readonly from: number;
  readonly to: number;
}

async function timelineOf(
  backend: Backend,
  filter: KeptFilter,
  { by, steps: most, from, to }: Window,
): Promise<AlertTimeline> {
  const minutes = Math.max(1, Math.ceil((to - from) / most / MINUTE_MS));
  const first = Math.floor(minuteOf(from * 1000) / minutes);
  const steps = Math.min(MOST_STEPS, Math.floor(minuteOf(to * 1000) / minutes) - first + 1);
  const { points, countedSince } = await alertTimeline(backend, filter, { by, minutes });
  const series: Record<string, number[]> = Object.create(null) as Record<string, number[]>;
  for (const [step, value, count] of points) {
    const at = step - first;
    if (at < 0 || at >= steps) continue;
    const row = (series[value] ??= Array.from({ length: steps }, () => 0));
    row[at] = (row[at] ?? 0) + count;
  }
  const stepMs = minutes * MINUTE_MS;
  return {
    from: first * stepMs,
    to: (first + steps) * stepMs,
    stepMs,
    steps,
    series,
    countedSince,
  };
}

/** Each match as a line, newest first, a page of the store at a time. */
async function* linesOf(backend: Backend, query: AlertFilter): AsyncGenerator<string> {
  for await (const alerts of pagesOf(backend, query))
    yield alerts.map((alert) => `${falcoJson(alert)}\n`).join("");
}

/** Falco's JSON: what its tools read. */
function falcoJson({ uuid, time, priority, rule, source, host, tags, message, fields }: KeptAlert) {
  const name = PRIORITIES[priority];
  const head = { hostname: host, output: `${time}: ${name} ${message}` };
  const tail = { priority: name, rule, source };
  const end = JSON.stringify({ time, uuid }).slice(1);
  return `${JSON.stringify(head).slice(0, -1)},"output_fields":${fields},${JSON.stringify(tail).slice(1, -1)},"tags":${tags},${end}`;
}

async function* csvOf(backend: Backend, query: AlertFilter): AsyncGenerator<string> {
  yield `${["time", "priority", "rule", "hostname", "container", "source", "tags", "message", "output_fields", "uuid"].join(",")}\r\n`;
  for await (const alerts of pagesOf(backend, query)) yield alerts.map(csvRow).join("");
}

function csvRow(alert: KeptAlert): string {
  const { time, priority, rule, host, container, source, tags, message, fields, uuid } = alert;
  const words = (JSON.parse(tags) as string[]).join(" ");
  const cells = [time, PRIORITIES[priority] ?? "", rule, host, container, source, words, message];
  return `${[...cells, fields, uuid].map(csvCell).join(",")}\r\n`;
}

/** RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe. */
function csvCell(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

async function* pagesOf(
  backend: Backend,
  query: AlertFilter,
): AsyncGenerator<readonly KeptAlert[]> {
  const filter = filterOf(query);
  let before: number | undefined;
  do {
    const { alerts, older } = await alertPage(backend, filter, { before, limit: EXPORT_ROWS });
    if (alerts.length > 0) yield alerts;
    before = older ?? undefined;
  } while (before !== undefined);
}

const MINUTE_MS = 60_000;
const MOST_STEPS = 1000;
/** Rows that are fetched at once: other requests have their turn between. */
const EXPORT_ROWS = 500;
