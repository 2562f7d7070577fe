import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { bare } from "../../test/fixtures/audit-reports.ts";
import { openSite, type SiteRequest, type TestSite } from "../../test/fixtures/site.ts";
import type { SilenceRequest } from "../store/silence.ts";
import { until } from "../../test/fixtures/until.ts";
import { onceWord } from "./access.ts";
import { ROUTES } from "./routes.ts";
import { AlertCounts, AlertPage, AlertTimeline } from "./schemas/alert.ts";
import { Health } from "./schemas/health.ts";
import { AuditPage, PortDrift, PortHistory, PortPage, StoredAudit } from "./schemas/port.ts";
import { Silence, SilenceList } from "./schemas/silence.ts";

const SILENCE = {
  id: "0000000a",
  rule: "R",
  fields: {},
  because: "noise",
  from: 1,
  until: 2,
  count: 3,
};

describe("the server", () => {
  let site: TestSite;
  const examined: number[] = [];
  const silenced: SilenceRequest[] = [];
  before(async () => {
    site = await openSite({
      examine: async ({ port }) => {
        examined.push(port);
        return port === 8443 ? undefined : "it does not listen any more";
      },
      silences: async () => [SILENCE],
      silence: async (request) => {
        if (request.rule === "full") return { obstacle: "there are 100 silences already" };
        silenced.push(request);
        return SILENCE;
      },
      endSilence: async (id) => id === SILENCE.id,
    });
    const port = { protocol: "tcp", address: "::", namespace: 1, container: "web" } as const;
    await site.store.append([
      alertNews({ message: "<img src=x>", rule: "A" }, 1),
      alertNews({ message: '=cmd "quoted"', rule: "B", priority: "Critical" }, 2),
      { kind: "port-opened", sequence: 3, time: 1n, host: "h", port: { ...port, port: 8443 } },
      { kind: "port-opened", sequence: 4, time: 1n, host: "h", port: { ...port, port: 1 } },
      { kind: "audit", sequence: 5, time: 1n, host: "h", report: { ...bare, host: "::" } },
    ]);
  });
  after(() => site.close());

  const status = async (path: string, init?: SiteRequest): Promise<number> =>
    (await site.get(path, init)).status;
  const body = async (path: string): Promise<unknown> => (await site.get(path)).json();

  it("answers as its schemas say", async () => {
    const page = AlertPage.parse(await body("/api/v1/alerts?rule=A"));
    assert.deepEqual(
      page.alerts.map(({ message }) => message),
      ["<img src=x>"],
    );
    assert.equal(
      AlertCounts.parse(await body("/api/v1/alerts/counts?by=rule&by=priority")).total,
      2,
    );
    const timeline = AlertTimeline.parse(await body("/api/v1/alerts/timeline?since=0&steps=10"));
    assert.equal(timeline.series["Critical"]?.length, timeline.steps);
    const ports = PortPage.parse(await body("/api/v1/ports")).ports;
    assert.deepEqual(
      ports.map(({ port }) => port),
      [1, 8443],
    );
    assert.equal(ports[1]?.audit?.target, "web:8443");
    PortHistory.parse(await body(`/api/v1/ports/${ports[1]?.id}`));
    assert.equal(PortDrift.parse(await body("/api/v1/ports/drift")).opened.length, 2);
    const audits = AuditPage.parse(await body("/api/v1/audits")).audits;
    StoredAudit.parse(await body(`/api/v1/audits/${audits[0]?.id}`));
    assert.equal(Health.parse(await body("/api/v1/health")).store.alerts, 2);
    const report = await site.get(`/api/v1/audits/${audits[0]?.id}/report`);
    assert.match(
      report.headers.get("content-disposition") ?? "",
      /attachment; filename="web_8443.html"/,
    );
    assert.match(await report.text(), /<html/);
  });

  it("makes, lists and ends silences, and refuses what is none", async () => {
    const list = SilenceList.parse(await body("/api/v1/silences"));
    assert.deepEqual(list.silences, [SILENCE]);
    const post = (value: object, headers: Record<string, string> = {}) =>
      site.get("/api/v1/silences", {
        method: "POST",
        body: JSON.stringify(value),
        headers: { "content-type": "application/json", ...headers },
      });
    const asked = { rule: "R", because: "noise", seconds: 60 };
    const made = await post(asked);
    assert.equal(made.status, 201);
    Silence.parse(await made.json());
    assert.deepEqual(silenced, [{ rule: "R", because: "noise", fields: {}, ms: 60_000 }]);
    const refused = [
      { rule: "R", because: "noise" },
      { ...asked, seconds: 0 },
      { ...asked, seconds: 1e9 },
      { ...asked, because: "" },
      { ...asked, fields: { a: 1 } },
      { ...asked, more: true },
    ];
    for (const value of refused) assert.equal((await post(value)).status, 400);
    assert.equal((await post({ ...asked, rule: "full" })).status, 409);
    assert.equal((await post(asked, { origin: "http://evil.example" })).status, 403);
    const end = (id: string, headers = {}) =>
      status(`/api/v1/silences/${id}`, { method: "DELETE", headers });
    assert.deepEqual([await end("0000000a"), await end("0000000b")], [204, 404]);
    assert.equal(await end("0000000a", { authorization: "" }), 401);
    assert.equal(await end("0000000a", { "sec-fetch-site": "cross-site" }), 403);
  });

  it("has a handler and a description of every route", async () => {
    const described = (await body("/openapi.json")) as { paths: Record<string, object> };
    for (const { path, method } of Object.values(ROUTES)) {
      assert.ok(method in (described.paths[path] ?? {}), path);
      const isThere = await status(path.replaceAll(/\{\w+\}/g, "1"), { method });
      assert.ok(![405, 500].includes(isThere), `${path} ${isThere}`);
    }
  });

  it("refuses what is not understood", async () => {
    const bad = [
      "alerts?limit=0",
      "alerts?limit=501",
      "alerts?limit=x",
      "alerts?before=-1",
      "alerts?before=1e99",
      "alerts?before=1&after=2",
      "alerts?nope=1",
      "alerts?priority=Loud",
      "alerts?field=novalue",
      "alerts?since=yesterday",
      "alerts?limit=1&limit=2",
      `alerts?text=${"a".repeat(201)}`,
      `alerts?${"rule=a&".repeat(33)}`,
      "alerts/x",
      "alerts/99999999999999999999",
      "ports?port=70000",
      "alerts/counts?by=nothing",
      "alerts/timeline?steps=0",
    ];
    for (const path of bad) {
      const answer = await site.get(`/api/v1/${path}`);
      assert.equal(answer.status, 400, path);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
    }
    assert.equal(await status("/api/v1/alerts/1"), 404);
    assert.equal(await status("/api/v1/rules/%E0%A4%A"), 400);
    assert.equal(await status("/api/v1/nothing"), 404);
    assert.equal(await status("/api/v1/alerts", { method: "DELETE" }), 405);
  });

  it("takes no text for an operator", async () => {
    for (const text of [
      "a OR b",
      'x" OR "y',
      "NEAR(a b)",
      "a*",
      "((((",
      "-a",
      "a:b",
      "%00",
      "'; drop table alert",
    ])
      assert.equal(await status(`/api/v1/alerts?text=${encodeURIComponent(text)}`), 200, text);
    assert.equal(AlertPage.parse(await body("/api/v1/alerts")).alerts.length, 2);
  });

  it("lets in by token, Basic and session, and nobody else", async () => {
    const path = "/api/v1/alerts";
    const as = (headers: Record<string, string>) => fetch(site.url + path, { headers });
    assert.equal((await as({})).status, 401);
    assert.equal((await as({ authorization: "Bearer wrong" })).status, 401);
    assert.equal((await as({ authorization: `Bearer ${site.token}x` })).status, 401);
    const basic = Buffer.from(`any:${site.token}`).toString("base64");
    assert.equal((await as({ authorization: `Basic ${basic}` })).status, 200);
    const login = await fetch(`${site.url}/api/v1/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: site.token }),
    });
    const cookie = login.headers.get("set-cookie") ?? "";
    assert.match(cookie, /; HttpOnly; SameSite=Strict;/);
    const session = cookie.split(";")[0] ?? "";
    assert.equal((await as({ cookie: session })).status, 200);
    assert.equal((await as({ cookie: session.slice(0, -2) })).status, 401);
    assert.equal((await as({ cookie: `${session.split("=")[0]}=` })).status, 401);
  });

  it("logs in once by a link", async () => {
    const path = `/login?once=${onceWord(site.token, Date.now())}`;
    const first = await fetch(site.url + path, { redirect: "manual" });
    assert.deepEqual([first.status, first.headers.get("location")], [303, "/"]);
    for (const again of [
      path,
      "/login",
      "/login?once=a.b.c",
      `/login?once=${onceWord(site.token, 0)}`,
    ]) {
      const answer = await fetch(site.url + again, { redirect: "manual" });
      assert.equal(answer.headers.get("location"), "/?login=failed", again);
      assert.equal(answer.headers.get("set-cookie"), null);
    }
  });

  it("refuses other names and other sites' pages", async () => {
    const named = (host: string) =>
      new Promise<number | undefined>((resolve) => {
        const headers = { host, authorization: `Bearer ${site.token}` };
        request(`${site.url}/api/v1/session`, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).end();
      });
    assert.equal(await named("evil.example"), 421);
    assert.equal(await named("127.0.0.1"), 421);
    assert.equal(await named("SAKER.example"), 200);
    assert.equal(
      await status("/api/v1/alerts", { headers: { origin: "http://evil.example" } }),
      403,
    );
    assert.equal(await status("/api/v1/alerts", { headers: { origin: site.url } }), 200);
    const ports = PortPage.parse(await body("/api/v1/ports")).ports;
    const again = `/api/v1/ports/${ports[1]?.id}/audit`;
    const cross = { method: "POST", headers: { "sec-fetch-site": "cross-site" } };
    assert.equal(await status(again, cross), 403);
    assert.deepEqual(examined, []);
    assert.equal(await status(again, { method: "POST" }), 202);
    assert.equal(await status(`/api/v1/ports/${ports[0]?.id}/audit`, { method: "POST" }), 409);
    assert.deepEqual(examined, [8443, 1]);
  });

  it("says what browsers must not do", async () => {
    const { headers } = await site.get("/api/v1/session");
    assert.match(
      headers.get("content-security-policy") ?? "",
      /^default-src 'none'; script-src 'self';/,
    );
    assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  });

  it("slows down who guesses, and keeps nobody out", async () => {
    const codes = new Set<number>();
    for (let count = 0; count < 20; count += 1)
      codes.add(await status("/api/v1/alerts", { headers: { authorization: "Bearer no" } }));
    assert.deepEqual([...codes], [401, 429]);
    assert.equal(await status("/api/v1/alerts"), 200);
  });

  it("exports whole lines, and cells that no spreadsheet runs", async () => {
    const lines = (await (await site.get("/api/v1/alerts/export")).text()).trimEnd().split("\n");
    const rules = lines.map((line) => (JSON.parse(line) as { rule: string }).rule);
    assert.deepEqual(rules, ["B", "A"]);
    const csv = await (await site.get("/api/v1/alerts/export?format=csv&rule=B")).text();
    assert.match(csv, /,"'=cmd ""quoted""",/);
  });

  it("serves the page's files and nothing beside them", async () => {
    mkdirSync(join(site.pageFolder, "assets"));
    writeFileSync(join(site.pageFolder, "index.html"), "<title>page</title>");
    writeFileSync(join(site.pageFolder, "assets", "app-1.js"), "1");
    writeFileSync(join(site.pageFolder, "secret.txt"), "secret");
    for (const path of ["/", "/alerts", "/ports/17"])
      assert.match(await (await fetch(site.url + path)).text(), /page/);
    const asset = await fetch(`${site.url}/assets/app-1.js`);
    assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
    for (const path of [
      "/secret.txt",
      "/assets/../secret.txt",
      "/assets/%2e%2e/secret.txt",
      "/assets/..%2fsecret.txt",
    ])
      assert.equal((await fetch(site.url + path)).status, 404, path);
  });

  it("takes Falco's and falcosidekick's alerts, and only with the token", async () => {
    const falco = {
      rule: "Fed",
      priority: "Notice",
      output: "12:00:00.1: Notice hi",
      output_fields: {},
      time: "2026-01-01T00:00:00Z",
    };
    const post = (text: string) => site.get("/", { method: "POST", body: text });
    assert.equal(
      (await fetch(`${site.url}/`, { method: "POST", body: JSON.stringify(falco) })).status,
      401,
    );
    assert.equal((await post(JSON.stringify(falco))).status, 200);
    assert.equal((await post(JSON.stringify({ event: falco, outputs: ["webui"] }))).status, 200);
    assert.equal((await post(`${JSON.stringify(falco)}\n${JSON.stringify(falco)}\n`)).status, 200);
    for (const bad of ["", "[]", "{}", "no", `${JSON.stringify(falco)}\nno`])
      assert.equal((await post(bad)).status, 400, bad);
    await until("all four", () => site.store.newest > 0);
    let fed = 0;
    while (fed < 4) fed = AlertPage.parse(await body("/api/v1/alerts?rule=Fed")).alerts.length;
    assert.equal(fed, 4);
  });

  it("outlives requests that are no HTTP", async () => {
    for (const text of [
      "\0\0\0\0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
      `GET /${"a".repeat(40_000)} HTTP/1.1\r\n\r\n`,
    ])
      await new Promise((resolve) => {
        const socket = connect(Number(new URL(site.url).port), "127.0.0.1", () => socket.end(text));
        socket
          .on("close", resolve)
          .on("error", () => undefined)
          .resume();
      });
    assert.equal(await status("/healthz"), 200);
  });

  it("lets in who comes, however many connections others hold, and keeps who is logged in", async () => {
    const port = Number(new URL(site.url).port);
    const stream = await site.get("/api/v1/stream");
    const held = Array.from({ length: 600 }, () =>
      connect(port, "127.0.0.1").on("error", () => undefined),
    );
    await until("the connections", () => held.every(({ connecting }) => !connecting));
    const answer = await new Promise((resolve, reject) => {
      request({ port, host: "127.0.0.1", path: "/healthz", agent: false }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on("error", reject)
        .end();
    });
    assert.equal(answer, 200);
    const reader = stream.body?.getReader();
    await reader?.read();
    await site.store.append([alertNews({ message: "still read" })]);
    const { value } = (await reader?.read()) ?? {};
    assert.match(new TextDecoder().decode(value), /still read/);
    await reader?.cancel();
    for (const socket of held) socket.destroy();
  });

  it("is ready as long as the store answers", async () => {
    assert.deepEqual(await body("/healthz"), { status: "ok" });
    assert.equal(await status("/readyz"), 200);
    assert.deepEqual(await body("/versions"), { saker: "1.2.3" });
  });
});
