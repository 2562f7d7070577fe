import { jsonLine } from "../alerts/format.ts";
import { isoText } from "../lib/time-text.ts";
import type { Answer } from "./destination.ts";
import type { HttpAnswer } from "./http-client.ts";
import {
  basicAuthorization,
  postedOptions,
  type PostedOptions,
  postedOutput,
  withPathBelow,
} from "./posted.ts";

/** Elasticsearch's and OpenSearch's bulk API. */
export interface ElasticsearchOptions extends PostedOptions {
  readonly index: string;
  readonly username: string;
  readonly password: string;
  readonly apiKey: string;
}

/** Alerts as documents of an index a day; each is judged by its own entry of the answer. */
export const ELASTICSEARCH_OUTPUT = postedOutput<ElasticsearchOptions>({
  section: "elasticsearch",
  doc: "Alerts to Elasticsearch or OpenSearch (`_bulk`): Falco's JSON with `@timestamp`, an index a day.",
  options: {
    ...postedOptions("hostport", "Its address, such as `http://127.0.0.1:9200`."),
    index: { key: "index", default: "falco", doc: "The index's name before the day's." },
    username: { key: "username", default: "", doc: "Who." },
    password: { key: "password", default: "", doc: "The password.", secret: true },
    apiKey: { key: "apikey", default: "", doc: "A key, in place of both.", secret: true },
  },
  url: ({ address }) => withPathBelow(address, "/_bulk"),
  contentType: "application/x-ndjson",
  alerts: 100,
  headers: ({ username, password, apiKey }) =>
    apiKey === "" ? basicAuthorization(username, password) : { authorization: `ApiKey ${apiKey}` },
  line: (alert, { index }, { format }) => {
    const time = isoText(alert.time);
    // The alert's own number: what is sent twice is one document.
    const create = {
      _index: `${index}-${time.slice(0, 10).replaceAll("-", ".")}`,
      _id: alert.uuid,
    };
    const document = `{"@timestamp":"${time}",${jsonLine(alert, format).slice(1)}`;
    return `${JSON.stringify({ create })}\n${document}`;
  },
  body: (lines) => `${lines.join("\n")}\n`,
  judge: judgeItems,
});

interface BulkItem {
  readonly status: number;
  readonly reason: string;
}

/** The answer is 200 whatever has become of the documents. */
function judgeItems({ text }: HttpAnswer, lines: number): Answer {
  const items = itemsIn(text);
  // None of that server's: nobody can tell whether it has them, so they are kept aside.
  if (items === undefined || items.length !== lines)
    return { delivered: 0, refused: lines, reason: "it answers 200 and names no documents" };
  const isTaken = ({ status }: BulkItem): boolean => status < 300 || status === CONFLICT;
  const isRefused = (item: BulkItem): boolean =>
    !isTaken(item) && item.status < 500 && item.status !== TOO_MANY;
  const delivered = leading(items, isTaken);
  const rest = items.slice(delivered);
  const refused = leading(rest, isRefused);
  const reason = rest[0] && { reason: `a document: ${rest[0].status} ${rest[0].reason}` };
  return { delivered, ...(refused > 0 ? { refused } : {}), ...reason };
}

/** It has a document of this number already: ours, from a post whose answer was lost. */
const CONFLICT = 409;
const TOO_MANY = 429;

function leading<Item>(items: readonly Item[], is: (item: Item) => boolean): number {
  const end = items.findIndex((item) => !is(item));
  return end < 0 ? items.length : end;
}

function itemsIn(text: string): readonly BulkItem[] | undefined {
  try {
    const { items } = JSON.parse(text) as {
      items: readonly { create: { status: number; error?: { reason?: unknown } } }[];
    };
    return items.map(({ create: { status, error } }) => ({
      status,
      reason: typeof error?.reason === "string" ? error.reason.slice(0, 120) : "",
    }));
  } catch {
    return undefined;
  }
}
