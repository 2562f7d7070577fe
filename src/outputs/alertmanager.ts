import { fieldsText } from "../alerts/format.ts";
import type { Alert } from "../alerts/alert.ts";
import { isoText } from "../lib/time-text.ts";
import { isAtLeast, type Priority } from "../rules/priority.ts";
import { postedOptions, type PostedOptions, postedOutput, withPathBelow } from "./posted.ts";
import { shown } from "./shown.ts";

/**
 * Alerts for Prometheus' Alertmanager, API v2. Labels are what tells alerts apart, so they have what
 * has few values; the rest are annotations.
 */
export const ALERTMANAGER_OUTPUT = postedOutput<PostedOptions>({
  section: "alertmanager",
  doc: "Alerts to Alertmanager (API v2): labels of few values, the rest as annotations.",
  options: postedOptions("hostport", "Its address, such as `http://127.0.0.1:9093`."),
  url: ({ address }) => withPathBelow(address, "/api/v2/alerts"),
  contentType: "application/json",
  alerts: 64,
  line: (alert) => JSON.stringify(alertOf(alert)),
  body: (lines) => `[${lines.join(",")}]`,
});

/** Fields that say where an alert is from. */
const PLACES: readonly string[] = ["container.name", "k8s.ns.name", "k8s.pod.name"];

function alertOf(alert: Alert): object {
  const { rule, priority, source, hostname, tags, message, time, outputFields } = alert;
  const places = PLACES.flatMap((name): [string, string][] => {
    const value = outputFields[name];
    return typeof value === "string" && value !== ""
      ? [[labelOf(name), shown(value, LABEL_MAX)]]
      : [];
  });
  return {
    labels: {
      alertname: shown(rule, LABEL_MAX),
      rule: shown(rule, LABEL_MAX),
      source: "falco",
      eventsource: source,
      hostname: shown(hostname, LABEL_MAX),
      priority: priority.toLowerCase(),
      severity: severityOf(priority),
      tags: shown(tags.join(","), LABEL_MAX),
      ...Object.fromEntries(places),
    },
    annotations: {
      summary: shown(rule, LABEL_MAX),
      description: shown(message, 8000),
      info: fieldsText(outputFields),
    },
    startsAt: isoText(time),
  };
}

const LABEL_MAX = 200;

/** A label's name has letters, digits and underscores. */
function labelOf(name: string): string {
  return name.replaceAll(/\W/g, "_");
}

/** As falcosidekick has it. */
function severityOf(priority: Priority): string {
  if (isAtLeast(priority, "Critical")) return "critical";
  return isAtLeast(priority, "Warning") ? "warning" : "information";
}
