import { jsonLine, textLine } from "../alerts/format.ts";
import type { Alert } from "../alerts/alert.ts";
import { isoText } from "../lib/time-text.ts";
import { headerValue } from "./http-client.ts";
import type { OutputContext } from "./output-context.ts";
import { headersIn, postedOptions, type PostedOptions, postedOutput } from "./posted.ts";

/** Any service that takes a POST. */
export interface WebhookOptions extends PostedOptions {
  readonly template: string;
  readonly contentType: string;
  readonly headers: string;
}

/** Alerts as Falco's JSON, or as a template says. */
export const WEBHOOK_OUTPUT = postedOutput<WebhookOptions>({
  section: "webhook",
  doc: "Alerts to any service that takes a POST: Falco's JSON, or what `template` says.",
  options: {
    ...postedOptions("address", "Its URL."),
    template: {
      key: "template",
      default: "",
      doc: "The body: `{{rule}}`, `{{priority}}`, `{{output}}`, `{{time}}`, `{{source}}`, `{{hostname}}`, `{{tags}}`, `{{uuid}}` and fields such as `{{proc.name}}` become their values, escaped as in a JSON string.",
    },
    contentType: { key: "contenttype", default: "application/json", doc: "Of the body." },
    headers: {
      key: "customheaders",
      default: "",
      doc: "Further headers, as `Name:value,Name:value`.",
      secret: true,
    },
  },
  contentType: "application/json",
  alerts: 1,
  headers: ({ headers, contentType }) => ({
    ...headersIn(headers, ":"),
    "content-type": headerValue(contentType),
  }),
  line: (alert, { template }, context) =>
    template === "" ? jsonLine(alert, context.format) : filled(template, alert, context),
});

function filled(template: string, alert: Alert, { format }: OutputContext): string {
  const { rule, priority, source, hostname, tags, uuid, time, outputFields } = alert;
  const own: Readonly<Record<string, string>> = {
    rule,
    priority,
    source,
    hostname,
    uuid,
    tags: tags.join(","),
    time: isoText(time),
    output: textLine(alert, format),
  };
  return template.replaceAll(/\{\{\s*([\w.[\]-]+)\s*\}\}/g, (_, name: string) => {
    const value = Object.hasOwn(own, name) ? own[name] : outputFields[name];
    return JSON.stringify(String(value ?? "").toWellFormed()).slice(1, -1);
  });
}
