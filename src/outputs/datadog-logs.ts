import { jsonLine } from "../alerts/format.ts";
import { headerValue } from "./http-client.ts";
import { type PostedOptions, postedOutput } from "./posted.ts";
import { SERVICE_OPTIONS } from "./service.ts";

/** Datadog's log intake. */
export interface DatadogLogsOptions extends PostedOptions {
  readonly apiKey: string;
  readonly service: string;
}

const INTAKE = "https://http-intake.logs.datadoghq.com/";

/** Alerts as logs whose message is Falco's JSON. */
export const DATADOG_LOGS_OUTPUT = postedOutput<DatadogLogsOptions>({
  section: "datadoglogs",
  doc: "Alerts as logs of Datadog: the message is Falco's JSON, the tags are the rule's.",
  required: "apiKey",
  options: {
    address: { key: "host", default: INTAKE, doc: "The intake of your region." },
    ...SERVICE_OPTIONS,
    apiKey: {
      key: "apikey",
      default: "",
      doc: "The API's key. With it the output is on.",
      secret: true,
    },
    service: { key: "service", default: "", doc: "The service that the logs are of." },
  },
  path: "/api/v2/logs",
  contentType: "application/json",
  // It takes a thousand, and 5 MB.
  alerts: 100,
  headers: ({ apiKey }) => ({ "dd-api-key": headerValue(apiKey) }),
  line: (alert, { service }, { format }) =>
    JSON.stringify({
      ddsource: "falco",
      ddtags: alert.tags.toSorted().join(","),
      hostname: alert.hostname,
      ...(service === "" ? {} : { service }),
      message: jsonLine(alert, format),
    }),
  body: (lines) => `[${lines.join(",")}]`,
});
