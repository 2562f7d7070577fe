import type { Alert } from "../alerts/alert.ts";
import { fieldText, textLine } from "../alerts/format.ts";
import type { Priority } from "../rules/priority.ts";
import type { Answer } from "./destination.ts";
import type { HttpAnswer } from "./http-client.ts";
import { headersIn, postedOptions, type PostedOptions, postedOutput } from "./posted.ts";

type FieldValue = NonNullable<Alert["outputFields"][string]>;

/** A collector of OpenTelemetry. */
export interface OtlpLogsOptions extends PostedOptions {
  readonly protocol: string;
  readonly headers: string;
}

/** Alerts as log records (OTLP 1.0), with all output fields as attributes. */
export const OTLP_LOGS_OUTPUT = postedOutput<OtlpLogsOptions>({
  section: "otlp.logs",
  doc: "Alerts as log records of OpenTelemetry (OTLP by HTTP, in JSON): rule, priority, source, tags and all output fields are attributes.",
  options: {
    ...postedOptions("endpoint", "The collector's address, such as `http://127.0.0.1:4318`."),
    protocol: {
      key: "protocol",
      default: "http/json",
      words: ["http/json", "http/protobuf"],
      doc: "JSON is sent in either case: a collector's HTTP takes both. gRPC is not spoken.",
    },
    headers: {
      key: "headers",
      default: "",
      doc: "Further headers, as `name=value,name=value`.",
      secret: true,
    },
  },
  path: "/v1/logs",
  contentType: "application/json",
  alerts: 100,
  headers: ({ headers }) => headersIn(headers, "="),
  line: (alert, _, { format }) => JSON.stringify(recordOf(alert, textLine(alert, format))),
  body: (lines) =>
    `{"resourceLogs":[{"resource":${RESOURCE},"scopeLogs":[{"scope":{"name":"falco"},"logRecords":[${lines.join(",")}]}]}]}`,
  judge: judgePartial,
});

const RESOURCE = JSON.stringify({ attributes: [attribute("service.name", "falco")] });

function recordOf(alert: Alert, text: string): object {
  const { rule, priority, source, hostname, tags, uuid, time, outputFields } = alert;
  const about = { rule, priority, source, hostname, tags: tags.join(","), uuid };
  const fields = Object.entries(outputFields).flatMap(([name, value]) =>
    value === null ? [] : [attribute(name.toWellFormed(), value)],
  );
  return {
    timeUnixNano: String(time),
    observedTimeUnixNano: String(time),
    severityNumber: SEVERITIES[priority],
    severityText: priority,
    body: { stringValue: text },
    attributes: [
      ...Object.entries(about).map(([name, value]) => attribute(name, value)),
      ...fields,
    ],
  };
}

function attribute(key: string, value: FieldValue): object {
  return { key, value: anyValue(value) };
}

/** Of opentelemetry/proto/common/v1: 64-bit integers are texts in JSON. */
function anyValue(value: FieldValue): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return { intValue: String(value) };
  if (typeof value === "number") return { doubleValue: value };
  return { stringValue: fieldText(value).toWellFormed() };
}

/** As OpenTelemetry's log data model places syslog's severities. */
const SEVERITIES: Readonly<Record<Priority, number>> = {
  Emergency: 21,
  Alert: 19,
  Critical: 18,
  Error: 17,
  Warning: 13,
  Notice: 10,
  Informational: 9,
  Debug: 5,
};

/** An answer of 200 may say that some were rejected, and such a batch is not to be sent again. */
function judgePartial({ text }: HttpAnswer, lines: number): Answer {
  const [, rejected = "0"] = /"rejectedLogRecords":\s*"?(\d{1,9})/.exec(text) ?? [];
  const refused = Math.min(Number(rejected), lines);
  if (refused === 0) return { delivered: lines, said: "200" };
  return { delivered: lines - refused, refused, reason: "it rejected log records" };
}
