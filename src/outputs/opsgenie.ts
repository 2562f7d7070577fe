import type { Alert } from "../alerts/alert.ts";
import type { Priority } from "../rules/priority.ts";
import { headerValue } from "./http-client.ts";
import { incidentOf } from "./incident.ts";
import { postedOutput } from "./posted.ts";
import { REGIONAL_OPTIONS, type RegionalOptions, regionalUrl } from "./regional.ts";
import { shown, shownParts } from "./shown.ts";

/** An integration of Opsgenie. */
export interface OpsgenieOptions extends RegionalOptions {
  readonly apiKey: string;
}

const HOSTS: Readonly<Record<string, string>> = {
  us: "https://api.opsgenie.com",
  eu: "https://api.eu.opsgenie.com",
};

/** Alerts for whoever is on call; those of one rule, host and container are counted as one. */
export const OPSGENIE_OUTPUT = postedOutput<OpsgenieOptions>({
  section: "opsgenie",
  doc: "Alerts of Opsgenie, P1 to P5 by priority; those of one rule, host and container are counted as one while it is open.",
  required: "apiKey",
  options: {
    ...REGIONAL_OPTIONS,
    apiKey: {
      key: "apikey",
      default: "",
      doc: "The integration's key. With it the output is on.",
      secret: true,
    },
  },
  url: regionalUrl(HOSTS, "/v2/alerts"),
  contentType: "application/json",
  headers: ({ apiKey }) => ({ authorization: headerValue(`GenieKey ${apiKey}`) }),
  alerts: 1,
  line: (alert) => JSON.stringify(alertOf(alert)),
});

/** Of the API: characters of a message, and of a description; of all details 8000. */
const [MESSAGE_MAX, DESCRIPTION_MAX, DETAIL_MAX] = [128, 10_000, 150];

function alertOf(alert: Alert): object {
  const details = shownParts(alert).map(([name, value]) => [
    shown(name, DETAIL_MAX).replaceAll(".", "_"),
    shown(value, DETAIL_MAX),
  ]);
  return {
    message: shown(alert.message, MESSAGE_MAX),
    alias: incidentOf(alert),
    entity: shown(alert.hostname, DETAIL_MAX),
    source: "falco",
    description: shown(alert.message, DESCRIPTION_MAX),
    priority: LEVELS[alert.priority],
    details: Object.fromEntries(details),
  };
}

/** As falcosidekick has them. */
const LEVELS: Readonly<Record<Priority, string>> = {
  Emergency: "P1",
  Alert: "P1",
  Critical: "P2",
  Error: "P3",
  Warning: "P4",
  Notice: "P5",
  Informational: "P5",
  Debug: "P5",
};
