import type { Alert } from "../alerts/alert.ts";
import { jsonLine } from "../alerts/format.ts";
import {
  basicAuthorization,
  postedOptions,
  type PostedOptions,
  postedOutput,
  withPathBelow,
} from "./posted.ts";
import { shown } from "./shown.ts";

/** Grafana Loki's push API. */
export interface LokiOptions extends PostedOptions {
  readonly tenant: string;
  readonly user: string;
  readonly apiKey: string;
}

/** Alerts as lines of JSON, in streams by rule, source, priority and host. */
export const LOKI_OUTPUT = postedOutput<LokiOptions>({
  section: "loki",
  doc: "Alerts to Grafana Loki: Falco's JSON, in streams by rule, source, priority, host and pod.",
  options: {
    ...postedOptions("hostport", "Its address, such as `http://127.0.0.1:3100`."),
    tenant: { key: "tenant", default: "", doc: "The X-Scope-OrgID header." },
    user: { key: "user", default: "", doc: "Who, in Grafana's cloud." },
    apiKey: { key: "apikey", default: "", doc: "The key of that user.", secret: true },
  },
  url: ({ address }) => withPathBelow(address, "/loki/api/v1/push"),
  contentType: "application/json",
  alerts: 100,
  headers: ({ tenant, user, apiKey }) => ({
    ...(tenant === "" ? {} : { "x-scope-orgid": tenant }),
    ...basicAuthorization(user, apiKey),
  }),
  line: (alert, _, { format }) =>
    JSON.stringify({
      stream: labelsOf(alert),
      values: [[String(alert.time), jsonLine(alert, format)]],
    }),
  body: (lines) => `{"streams":[${lines.join(",")}]}`,
});

/** Where it is from, as falcosidekick names it. */
const PLACES = { k8s_ns_name: "k8s.ns.name", k8s_pod_name: "k8s.pod.name" } as const;
const LABEL_MAX = 200;

function labelsOf({ rule, source, priority, hostname, tags, outputFields }: Alert) {
  const places = Object.entries(PLACES).flatMap(([label, field]): [string, string][] => {
    const value = outputFields[field];
    return typeof value === "string" && value !== "" ? [[label, value]] : [];
  });
  const labels = { rule, source, priority, hostname, tags: tags.join(",") };
  return Object.fromEntries(
    [...Object.entries(labels), ...places].map(([name, value]) => [name, shown(value, LABEL_MAX)]),
  );
}
