import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { test } from "node:test";
import { headersIn } from "./posted.ts";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { openService as open, sent, service } from "../../test/fixtures/http-service.ts";

const HOSTILE = '<!channel> @everyone [x](http://a) \u0000\u202e\n"|=\ud800'.repeat(200);
const hostile = alertNews({
  rule: HOSTILE,
  message: HOSTILE,
  outputFields: { "container.name": HOSTILE, "fd.sport": 8080, "proc.name": null },
});

for (const name of ["slack", "teams", "alertmanager", "loki", "webhook"] as const) {
  test(`${name} posts JSON, whatever stands in an alert`, async (t) => {
    const { address, got } = await service(t);
    const answer = await sent(open(name, { address }), hostile);
    assert.deepEqual(answer, { delivered: 1, said: "200" });
    assert.equal(got[0]?.headers["content-type"], "application/json");
    assert.doesNotThrow(() => JSON.parse(got[0]?.body ?? ""));
    // oxlint-disable-next-line no-control-regex -- none may be there
    assert.doesNotMatch(got[0]?.body ?? "", /\u202e|[\u0000-\u0009\u000b-\u001f]/);
  });
}

test("slack shows others' words as text, and fields below them", async (t) => {
  const { address, got } = await service(t);
  const slack = open("slack", { address: `${address}/services/secret`, channel: "#a" });
  assert.equal(slack.target, address);
  await sent(slack, hostile);
  const { attachments, channel } = JSON.parse(got[0]?.body ?? "");
  assert.equal(channel, "#a");
  assert.match(attachments[0].text, /^&lt;!channel&gt; @\u200beveryone .*\\u0000\\u202e/);
  assert.ok(attachments[0].text.length < 4000);
  const [rule, , , , , container, sport] = attachments[0].fields;
  assert.deepEqual([rule.title, container.title], ["rule", "container.name"]);
  assert.deepEqual(sport, { title: "fd.sport", value: "8080", short: true });
});

test("teams has an Adaptive Card of runs, which read no Markdown, within 28 KB", async (t) => {
  const { address, got } = await service(t);
  await sent(open("teams", { address }), hostile);
  const [{ contentType, content }] = JSON.parse(got[0]?.body ?? "").attachments;
  assert.equal(contentType, "application/vnd.microsoft.card.adaptive");
  assert.equal(content.type, "AdaptiveCard");
  assert.ok(content.body.every(({ type }: { type: string }) => type === "RichTextBlock"));
  assert.ok(Buffer.byteLength(got[0]?.body ?? "") < 28_000);
});

test("alertmanager takes many in one post, with labels of few values", async (t) => {
  const { address, got } = await service(t);
  const answer = await sent(open("alertmanager", { address }), alertNews(), alertNews());
  assert.equal(answer.delivered, 2);
  assert.equal(got[0]?.url, "/api/v2/alerts");
  const [first] = JSON.parse(got[0]?.body ?? "");
  assert.deepEqual(first.labels, {
    alertname: "New port opened in container",
    rule: "New port opened in container",
    source: "falco",
    eventsource: "syscall",
    hostname: "h",
    priority: "warning",
    severity: "warning",
    tags: "container,open_port",
    container_name: "web",
  });
  assert.equal(first.annotations.description, "New port opened in container (container_name=web)");
  assert.equal(first.startsAt, "2025-02-08T08:23:00.580354112Z");
});

test("loki gets the tenant and streams with the alert's own time", async (t) => {
  const { address, got } = await service(t, (response) => response.writeHead(204).end());
  await sent(open("loki", { address, tenant: "t", user: "u", apiKey: "k" }), alertNews());
  assert.equal(got[0]?.url, "/loki/api/v1/push");
  assert.equal(got[0]?.headers["x-scope-orgid"], "t");
  assert.equal(got[0]?.headers["authorization"], `Basic ${btoa("u:k")}`);
  const [{ stream, values }] = JSON.parse(got[0]?.body ?? "").streams;
  assert.equal(stream.priority, "Warning");
  assert.equal(values[0][0], "1739002980580354112");
  assert.equal(JSON.parse(values[0][1]).rule, "New port opened in container");
});

test("a header's value may have commas", () => {
  const text = "Accept: a/b, c/d;q=1,X-Key:http://k ,";
  assert.deepEqual(headersIn(text, ":"), { accept: "a/b, c/d;q=1", "x-key": "http://k" });
  assert.deepEqual(headersIn("a=b=,c=d", "="), { a: "b=", c: "d" });
});

test("an API behind a proxy lies below the address's path", async (t) => {
  const paths = {
    loki: "/loki/api/v1/push",
    alertmanager: "/api/v2/alerts",
    elasticsearch: "/_bulk",
  };
  for (const [name, path] of Object.entries(paths) as ["loki", string][])
    for (const prefix of ["", "/", "/proxy", "/proxy/", path]) {
      const { address, got } = await service(t);
      await sent(open(name, { address: `${address}${prefix}` }), alertNews());
      assert.equal(got[0]?.url, prefix.startsWith("/proxy") ? `/proxy${path}` : path);
    }
});

test("elasticsearch judges each document by its own entry", async (t) => {
  const item = (status: number) => ({ create: { status, error: { reason: "no such mapping" } } });
  const items = [201, 409, 400, 201].map(item);
  const bulk = (response: ServerResponse): void =>
    void response.end(JSON.stringify({ errors: true, items }));
  const { address, got } = await service(t, bulk);
  const four = [alertNews(), alertNews(), alertNews(), alertNews()];
  assert.deepEqual(await sent(open("elasticsearch", { address }), ...four), {
    delivered: 2,
    refused: 1,
    reason: "a document: 400 no such mapping",
  });
  // As a proxy's page of a login.
  assert.deepEqual(await sent(open("elasticsearch", { address }), alertNews()), {
    delivered: 0,
    refused: 1,
    reason: "it answers 200 and names no documents",
  });
  const [create, document] = (got[0]?.body ?? "").split("\n");
  assert.deepEqual(JSON.parse(create ?? ""), {
    create: { _index: "falco-2025.02.08", _id: "00000000-0000-4000-8000-000000000000" },
  });
  assert.equal(JSON.parse(document ?? "")["@timestamp"], "2025-02-08T08:23:00.580354112Z");
});

test("a batch that is refused whole is halved until the bad alert stands alone", async (t) => {
  const judge = (response: ServerResponse, body: string): void =>
    void response.writeHead(body.includes("bad") ? 400 : 200).end("bad label <\u001b>");
  const { address, got } = await service(t, judge, judge, judge, judge, judge, judge);
  const alertmanager = open("alertmanager", { address });
  const lines = ["a", "bad", "c", "d"].map(
    (rule) => alertmanager.format(alertNews({ rule })) ?? "",
  );
  const deliver = (rest: readonly string[]) =>
    alertmanager.deliver(rest, AbortSignal.timeout(10_000));
  assert.equal((await deliver(lines)).delivered, 1);
  assert.deepEqual(await deliver(lines.slice(1)), {
    delivered: 0,
    refused: 1,
    reason: "it answers 400: bad label <\\u001b>",
  });
  assert.equal((await deliver(lines.slice(2))).delivered, 2);
  assert.equal(got.length, 6);
  await alertmanager.close();
});

test("webhook fills its template with escaped values, and has its own headers", async (t) => {
  const { address, got } = await service(t);
  const template = '{"t":"{{rule}}","c":"{{container.name}}","n":"{{nothing}}","p":{{fd.sport}}}';
  const webhook = open("webhook", {
    address,
    template,
    customHeaders: "X-A: 1, bad header, Y:2\r\nZ: 3",
  });
  await sent(webhook, alertNews({ rule: 'a"\n{{priority}}' }));
  assert.deepEqual(JSON.parse(got[0]?.body ?? ""), {
    t: 'a"\n{{priority}}',
    c: "web",
    n: "",
    p: 8080,
  });
  assert.equal(got[0]?.headers["x-a"], "1, bad header");
  assert.equal(got[0]?.headers["z"], undefined);
});

test("a minimum priority leaves less urgent alerts out", () => {
  const slack = open("slack", { address: "http://a", minimumPriority: "error" });
  assert.equal(slack.format(alertNews({ priority: "Warning" })), undefined);
  assert.notEqual(slack.format(alertNews({ priority: "Error" })), undefined);
});

test("an answer that ends HTTP, and one that never begins, is told", async (t) => {
  for (const [answer, reason] of [
    ["HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "it answers 101"],
    ["HTTP/1.1 102 Processing\r\n\r\n".repeat(1000), "it says more than it should"],
  ] as const) {
    const server = createServer((socket) => {
      socket.on("error", () => {}).on("data", () => socket.write(answer));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const webhook = open("webhook", { address: `http://127.0.0.1:${port}` });
    assert.deepEqual(await sent(webhook, alertNews()), { delivered: 0, reason });
  }
});

test("what is kept for a service is not sent to another account or region", () => {
  const places = [
    { routingKey: "one" },
    { routingKey: "other" },
    { routingKey: "one", region: "eu" },
  ].map((options) => open("pagerduty", options).outbox?.place);
  assert.equal(new Set(places).size, 3);
});
