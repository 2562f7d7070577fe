import type { Alert } from "../alerts/alert.ts";
import { isoText } from "../lib/time-text.ts";
import { isAtLeast, type Priority } from "../rules/priority.ts";
import { incidentOf } from "./incident.ts";
import { postedOutput } from "./posted.ts";
import { REGIONAL_OPTIONS, type RegionalOptions, regionalUrl } from "./regional.ts";
import { shown, shownParts } from "./shown.ts";

/** A service of PagerDuty. */
export interface PagerdutyOptions extends RegionalOptions {
  readonly routingKey: string;
}

const HOSTS: Readonly<Record<string, string>> = {
  us: "https://events.pagerduty.com",
  eu: "https://events.eu.pagerduty.com",
};

/** Alerts as events (API v2): those of one rule, host and container are one incident. */
export const PAGERDUTY_OUTPUT = postedOutput<PagerdutyOptions>({
  section: "pagerduty",
  doc: "Alerts as events of PagerDuty (API v2), severity by priority; those of one rule, host and container are one incident until it is resolved.",
  required: "routingKey",
  options: {
    ...REGIONAL_OPTIONS,
    routingKey: {
      key: "routingkey",
      default: "",
      doc: "The service's integration key. With it the output is on.",
      secret: true,
    },
  },
  url: regionalUrl(HOSTS, "/v2/enqueue"),
  contentType: "application/json",
  alerts: 1,
  line: (alert, { routingKey }) => JSON.stringify(eventOf(alert, routingKey)),
});

/** Of the API: characters of a summary. */
const SUMMARY_MAX = 1000;

function eventOf(alert: Alert, routingKey: string): object {
  return {
    routing_key: routingKey,
    event_action: "trigger",
    dedup_key: incidentOf(alert),
    payload: {
      summary: shown(alert.message, SUMMARY_MAX),
      source: shown(alert.hostname) || "falco",
      severity: severityOf(alert.priority),
      timestamp: isoText(alert.time),
      class: shown(alert.rule, SUMMARY_MAX),
      custom_details: Object.fromEntries(shownParts(alert)),
    },
  };
}

function severityOf(priority: Priority): string {
  if (isAtLeast(priority, "Critical")) return "critical";
  if (isAtLeast(priority, "Error")) return "error";
  return isAtLeast(priority, "Warning") ? "warning" : "info";
}
