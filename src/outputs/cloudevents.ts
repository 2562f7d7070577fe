import type { Alert } from "../alerts/alert.ts";
import { jsonLine } from "../alerts/format.ts";
import { isoText } from "../lib/time-text.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";

/**
 * Alerts as CloudEvents 1.0 in the binary mode of HTTP, as falcosidekick sends them: the attributes
 * are headers, the body is Falco's JSON. A line is both, a row each.
 */
export const CLOUDEVENTS_OUTPUT = postedOutput<PostedOptions>({
  section: "cloudevents",
  doc: "Alerts as CloudEvents by HTTP: attributes in headers, Falco's JSON as the body.",
  options: postedOptions("address", "Where they are taken."),
  contentType: "application/json",
  alerts: 1,
  headers: (_, [line = "{}"]) => JSON.parse(line.slice(0, line.indexOf("\n"))),
  line: (alert, _, { format }) => `${JSON.stringify(headersOf(alert))}\n${jsonLine(alert, format)}`,
  body: ([line = ""]) => line.slice(line.indexOf("\n") + 1),
});

function headersOf({ uuid, time, priority, rule, source, hostname }: Alert): object {
  const attributes = {
    specversion: "1.0",
    id: uuid,
    source: "https://falco.org",
    type: "falco.rule.output.v1",
    time: isoText(time),
    priority,
    rule,
    eventsource: source,
    hostname,
  };
  const headers = Object.entries(attributes)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => [`ce-${name}`, attributeValue(value)]);
  return Object.fromEntries(headers);
}

const ATTRIBUTE_MAX = 500;

/** Percent-encoded where a header may not have it (CloudEvents' HTTP binding, 3.1.3.2). */
function attributeValue(text: string): string {
  return text
    .slice(0, ATTRIBUTE_MAX)
    .toWellFormed()
    .replace(/[^!#$&-~]/gu, encodeURIComponent);
}
