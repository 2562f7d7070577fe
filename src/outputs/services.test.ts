// What the services' own readers make of an alert, and what is made of their answers.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { Alert } from "../alerts/alert.ts";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { Digest } from "./digest.ts";
import { type Got, openService, sent, service } from "../../test/fixtures/http-service.ts";

const HOSTILE: readonly string[] = [
  "<!channel> <!here> @everyone @channel @all @root",
  "[click](http://evil.example) ![](http://evil.example/a.png) <http://evil.example|x>",
  "</code></b><a href='http://evil.example'>x</a> <users/all> &lt;b&gt;",
  "``` **bold** _x_ ~~y~~ > quote # head \\[a](b) ||s|| <@1> <#2> :smile:",
  "\r\nBcc: a@b.example\u0000\u202e\u2028\u001b[31m",
  "lone \ud800 surrogate",
  "@<`*_|\\".repeat(10_000),
  "é\u{1f980}&".repeat(10_000),
];

const ALERTS = HOSTILE.map((text) =>
  alertNews({
    rule: text,
    message: text,
    hostname: text,
    tags: [text],
    outputFields: Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`proc.aname[${index}]`, text]),
    ) as Alert["outputFields"],
  }),
);

interface Service {
  readonly options?: object;
  /** Others' words as they stand in a body, where a reader makes more of them than text. */
  readonly texts?: (body: string) => readonly string[];
  /** What such a reader would make something of. */
  readonly acts?: RegExp;
  /** The service's limit: what has one, and how much of it there is. */
  readonly limit?: (body: string) => readonly [number, number];
}

const bytes =
  (most: number) =>
  (body: string): readonly [number, number] => [Buffer.byteLength(body), most];

function attachmentTexts(body: string): readonly string[] {
  const [{ text, fallback, fields }] = JSON.parse(body).attachments;
  return [
    text,
    fallback,
    ...fields.flatMap(({ title, value }: Record<string, string>) => [title, value]),
  ];
}

function embedTexts(body: string): readonly string[] {
  const [{ description, fields }] = JSON.parse(body).embeds;
  return [
    description,
    ...fields.flatMap(({ name, value }: Record<string, string>) => [name, value]),
  ];
}

const withoutTags = (text: string): string =>
  text
    .replaceAll(/<\/?(?:b|code)>/g, "")
    .replaceAll(
      /&(lt|gt|amp);/g,
      (_, name: "lt" | "gt" | "amp") => ({ lt: "<", gt: ">", amp: "&" })[name],
    );

// oxlint-disable no-control-regex -- none may be there
const CONTROLS = /[\u0000-\u0009\u000b-\u001f]/;
/** What people read has none that turn the direction of writing, either. */
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u202e\u2028]/;
// oxlint-enable no-control-regex

/** An even number of backslashes before it: it is not escaped. */
const MARKDOWN = /(?<!\\)(?:\\\\)*[[\]()*_`~|#<]|[@<](?!\u200b)/;

const SERVICES: Readonly<Record<string, Service>> = {
  slack: {
    texts: attachmentTexts,
    acts: /[<>]|&(?!(?:amp|lt|gt);)|@(?:channel|everyone|here|all)\b/,
  },
  mattermost: { limit: bytes(1 << 20), texts: attachmentTexts, acts: MARKDOWN },
  discord: {
    texts: embedTexts,
    acts: MARKDOWN,
    limit: (body) => [embedTexts(body).join("").length, 6000],
  },
  telegram: {
    options: { token: "1:a", chatId: "5" },
    // What stands in its code is text.
    texts: (body) => [
      JSON.parse(body)
        .text.replaceAll(/<code>[^<>]*<\/code>/g, "")
        .replaceAll(/<\/?b>/g, ""),
    ],
    acts: /[<>@]|&(?!(?:amp|lt|gt);)|http/,
    limit: (body) => [withoutTags(JSON.parse(body).text).length, 4096],
  },
  googleChat: { texts: (body) => [body], acts: /[<>]/, limit: bytes(32_000) },
  teams: { limit: bytes(28_000) },
  pagerduty: {
    options: { routingKey: "k" },
    limit: (body) => [JSON.parse(body).payload.summary.length, 1024],
  },
  opsgenie: {
    options: { apiKey: "k" },
    limit: (body) => [JSON.stringify(JSON.parse(body).details).length, 8000 + 40 * 20],
  },
  alertmanager: {},
  loki: {},
  splunk: {},
  datadogLogs: { options: { apiKey: "k" } },
  otlpLogs: {},
  cloudEvents: {},
  webhook: {},
};

for (const [name, { options = {}, texts, acts, limit }] of Object.entries(SERVICES)) {
  const open = (address: string) => openService(name as "slack", { ...options, address });

  test(`${name}: hostile text is text, within the service's limits`, async (t) => {
    const { address, got } = await service(t);
    for (const alert of ALERTS) {
      const answer = await sent(open(address), alert);
      assert.deepEqual(answer, { delivered: 1, said: "200" });
      const { body } = got.at(-1) as Got;
      assert.doesNotThrow(() => JSON.parse(body));
      assert.ok(body.isWellFormed());
      assert.doesNotMatch(body, limit === undefined ? CONTROLS : UNSEEN);
      for (const text of texts?.(body) ?? []) assert.doesNotMatch(text, acts as RegExp);
      const [length, most] = limit?.(body) ?? [0, 0];
      assert.ok(length <= most, `${length} of ${most}`);
    }
  });

  test(`${name}: a busy, a broken and a silent server are tried again, a refusal is not`, async (t) => {
    const status =
      (code: number, headers = {}) =>
      (response: ServerResponse) =>
        void response.writeHead(code, headers).end("no");
    const { address } = await service(
      t,
      status(429, { "retry-after": "7" }),
      status(503),
      status(400),
      status(302, { location: "http://127.0.0.1:1/" }),
      (response) => void response.destroy(),
      (response) =>
        void response
          .writeHead(200, { "content-length": "9" })
          .write("a", () => response.destroy()),
      () => {},
    );
    const destination = open(address);
    const line = destination.format(alertNews()) ?? "";
    const answer = (ms = 10_000) => destination.deliver([line], AbortSignal.timeout(ms));
    assert.deepEqual(await answer(), { delivered: 0, reason: "it answers 429", waitMs: 7000 });
    assert.deepEqual(await answer(), { delivered: 0, reason: "it answers 503" });
    assert.deepEqual(await answer(), { delivered: 0, refused: 1, reason: "it answers 400: no" });
    assert.deepEqual(await answer(), { delivered: 0, refused: 1, reason: "it answers 302: no" });
    for (const reset of [await answer(), await answer()]) {
      assert.equal(reset.delivered, 0);
      assert.equal(reset.refused, undefined);
    }
    assert.deepEqual(await answer(200), { delivered: 0, reason: "it does not answer" });
    await destination.close();
  });
}

async function posted(
  t: { after(fn: () => void): void },
  name:
    | "telegram"
    | "pagerduty"
    | "opsgenie"
    | "splunk"
    | "datadogLogs"
    | "otlpLogs"
    | "cloudEvents"
    | "discord",
  options: object,
  ...alerts: readonly ReturnType<typeof alertNews>[]
) {
  const { address, got } = await service(t);
  const destination = openService(name, { address, ...options });
  assert.equal((await sent(destination, ...alerts)).delivered, alerts.length);
  return { ...(got[0] as Got), target: destination.target };
}

test("discord calls nobody, and has a colour by priority", async (t) => {
  const { body } = await posted(t, "discord", { icon: "http://a/b.png" }, alertNews());
  const { allowed_mentions: allowed, avatar_url: avatar, embeds } = JSON.parse(body);
  assert.deepEqual(allowed, { parse: [] });
  assert.equal(avatar, "http://a/b.png");
  assert.equal(embeds[0].color, 0xf9a825);
});

test("telegram writes as its bot to the chat, and its token is not shown", async (t) => {
  const options = { token: "12:secret", chatId: "-100", threadId: "3" };
  const { url, body, target } = await posted(t, "telegram", options, alertNews());
  assert.equal(url, "/bot12:secret/sendMessage");
  assert.doesNotMatch(target, /secret/);
  const { text, ...rest } = JSON.parse(body);
  assert.deepEqual(rest, {
    chat_id: "-100",
    message_thread_id: "3",
    parse_mode: "HTML",
    disable_web_page_preview: true,
  });
  assert.match(text, /^<b>Warning<\/b> <code>New port opened in container<\/code>\n<code>New port/);
  assert.match(text, /\nfd\.sport: <code>8080<\/code>$/);
});

test("telegram waits as long as its answer's body says", async (t) => {
  const busy = (response: ServerResponse): void =>
    void response.writeHead(429).end('{"ok":false,"parameters":{"retry_after":31}}');
  const { address } = await service(t, busy);
  const answer = await sent(openService("telegram", { address, token: "1:a" }), alertNews());
  assert.equal(answer.waitMs, 31_000);
});

test("pagerduty's severity is the priority's, its incident that of rule, host and container", async (t) => {
  const event = async (alert: Partial<Alert>) => {
    const { url, body } = await posted(t, "pagerduty", { routingKey: "key" }, alertNews(alert));
    assert.equal(url, "/v2/enqueue");
    return JSON.parse(body);
  };
  const first = await event({ priority: "Critical", uuid: "1" });
  assert.equal(first.routing_key, "key");
  assert.equal(first.event_action, "trigger");
  assert.equal(first.payload.severity, "critical");
  assert.equal(first.payload.timestamp, "2025-02-08T08:23:00.580354112Z");
  assert.equal(first.payload.custom_details["fd.sport"], "8080");
  const severities = { Emergency: "critical", Error: "error", Warning: "warning", Notice: "info" };
  for (const [priority, severity] of Object.entries(severities)) {
    const again = await event({ priority: priority as Alert["priority"], uuid: "2" });
    assert.equal(again.payload.severity, severity);
    assert.equal(again.dedup_key, first.dedup_key);
  }
  const other = await event({ outputFields: { "container.id": "aaa" } });
  assert.notEqual(other.dedup_key, first.dedup_key);
});

test("opsgenie has the key, a priority and a short message", async (t) => {
  const alert = alertNews({ priority: "Critical", message: "m".repeat(500) });
  const { url, headers, body } = await posted(t, "opsgenie", { apiKey: "k" }, alert);
  assert.equal(url, "/v2/alerts");
  assert.equal(headers["authorization"], "GenieKey k");
  const { message, priority, description, alias, details } = JSON.parse(body);
  assert.equal(priority, "P2");
  assert.ok(message.length <= 130);
  assert.equal(description, "m".repeat(500));
  assert.match(alias, /^[\da-f]{64}$/);
  assert.equal(details.fd_sport, "8080");
});

test("splunk takes many events, with their times, and its code is read", async (t) => {
  const { url, headers, body } = await posted(
    t,
    "splunk",
    { token: "t" },
    alertNews(),
    alertNews(),
  );
  assert.equal(url, "/services/collector/event");
  assert.equal(headers["authorization"], "Splunk t");
  const [one, two, ...none] = body.split("\n").map((line) => JSON.parse(line));
  assert.equal(none.length, 0);
  assert.equal(one.time, 1739002980.58);
  assert.equal(one.event.rule, two.event.rule);
  const code = (response: ServerResponse): void =>
    void response.end('{"text":"Incorrect index","code":7}');
  const { address } = await service(t, code);
  assert.deepEqual(await sent(openService("splunk", { address }), alertNews()), {
    delivered: 0,
    refused: 1,
    reason: "it answers 200 with code 7",
  });
});

test("datadog gets a list of logs", async (t) => {
  const options = { apiKey: "k", service: "s" };
  const { url, headers, body } = await posted(t, "datadogLogs", options, alertNews(), alertNews());
  assert.equal(url, "/api/v2/logs");
  assert.equal(headers["dd-api-key"], "k");
  const [{ message, ...log }] = JSON.parse(body);
  assert.deepEqual(log, {
    ddsource: "falco",
    ddtags: "container,open_port",
    hostname: "h",
    service: "s",
  });
  assert.equal(JSON.parse(message).output_fields["container.name"], "web");
});

test("otlp's log records have all output fields as attributes of their types", async (t) => {
  const alert = alertNews({
    outputFields: { "proc.name": "a", "fd.sport": 80, "proc.tty": 1n, x: true, y: 0.5, z: null },
  });
  const { url, headers, body } = await posted(t, "otlpLogs", { headers: "a=b, c = d" }, alert);
  assert.equal(url, "/v1/logs");
  assert.deepEqual([headers["a"], headers["c"]], ["b", "d"]);
  const [{ scopeLogs }] = JSON.parse(body).resourceLogs;
  const [{ attributes, ...log }] = scopeLogs[0].logRecords;
  assert.equal(log.timeUnixNano, "1739002980580354112");
  assert.deepEqual([log.severityNumber, log.severityText], [13, "Warning"]);
  const values = Object.fromEntries(
    attributes.map(({ key, value }: { key: string; value: object }) => [key, value]),
  );
  assert.deepEqual(values["proc.name"], { stringValue: "a" });
  assert.deepEqual(values["fd.sport"], { intValue: "80" });
  assert.deepEqual(values["proc.tty"], { intValue: "1" });
  assert.deepEqual([values["x"], values["y"]], [{ boolValue: true }, { doubleValue: 0.5 }]);
  assert.equal(values["z"], undefined);
  const partial = (response: ServerResponse): void =>
    void response.end('{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"x"}}');
  const { address } = await service(t, partial);
  const answer = await sent(openService("otlpLogs", { address }), alertNews(), alertNews());
  assert.deepEqual(answer, { delivered: 1, refused: 1, reason: "it rejected log records" });
});

test("cloudevents are in HTTP's binary mode, hostile attributes percent-encoded", async (t) => {
  const alert = alertNews({ rule: 'a "é" % \r\n\ud800b' });
  const { headers, body } = await posted(t, "cloudEvents", {}, alert);
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith("ce-"));
  assert.deepEqual(Object.fromEntries(attributes), {
    "ce-specversion": "1.0",
    "ce-id": "00000000-0000-4000-8000-000000000000",
    "ce-source": "https://falco.org",
    "ce-type": "falco.rule.output.v1",
    "ce-time": "2025-02-08T08:23:00.580354112Z",
    "ce-priority": "Warning",
    "ce-rule": "a%20%22%C3%A9%22%20%25%20%0D%0A%EF%BF%BDb",
    "ce-eventsource": "syscall",
    "ce-hostname": "h",
  });
  assert.equal(JSON.parse(body).hostname, "h");
});

test("a service that wants no alerts takes the digest of what it wants", () => {
  const options = { address: "http://127.0.0.1:1", news: ["port"], limit: "1/1m" };
  const slack = openService("slack", { ...options, minimumPriority: "critical" });
  assert.deepEqual(slack.limit, { count: 1, period: "1m", periodMs: 60_000 });
  const digest = new Digest({ count: 1, period: "1m", periodMs: 60_000 });
  digest.add([{ rule: "Port opened", priority: "Critical", hostname: "h" }]);
  assert.match(slack.format(digest.news()) ?? "", /1 further alert in 1m: 1 Port opened/);
  assert.equal(slack.format(alertNews({ priority: "Critical" })), undefined);
  assert.equal(openService("slack", { address: "http://127.0.0.1:1" }).limit, undefined);
});
