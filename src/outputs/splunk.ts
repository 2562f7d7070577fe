import { jsonLine } from "../alerts/format.ts";
import type { Answer } from "./destination.ts";
import { type HttpAnswer, headerValue } from "./http-client.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";

/** Splunk's HTTP Event Collector. */
export interface SplunkOptions extends PostedOptions {
  readonly token: string;
}

/** Alerts as events whose fields are Falco's JSON, with the alert's own time. */
export const SPLUNK_OUTPUT = postedOutput<SplunkOptions>({
  section: "splunk",
  doc: "Alerts to Splunk's HTTP Event Collector: Falco's JSON, source type `falcosidekick`.",
  options: {
    ...postedOptions("host", "Its address, such as `https://127.0.0.1:8088`."),
    token: { key: "token", default: "", doc: "The collector's token.", secret: true },
  },
  path: "/services/collector/event",
  contentType: "application/json",
  alerts: 100,
  headers: ({ token }) => (token === "" ? {} : { authorization: headerValue(`Splunk ${token}`) }),
  line: (alert, _, { format }) => {
    const head = { time: Number(alert.time / 1_000_000n) / 1000, host: alert.hostname };
    const rest = JSON.stringify({ ...head, sourcetype: "falcosidekick" }).slice(1);
    return `{"event":${jsonLine(alert, format)},${rest}`;
  },
  body: (lines) => lines.join("\n"),
  judge: judgeCode,
});

/** An answer of 200 has its own code: 0 for success. */
function judgeCode({ text }: HttpAnswer, lines: number): Answer {
  const [, code = "0"] = /"code":\s*(\d{1,6})/.exec(text) ?? [];
  if (code === "0") return { delivered: lines, said: "200" };
  return { delivered: 0, refused: lines, reason: `it answers 200 with code ${code}` };
}
