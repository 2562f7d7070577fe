import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { until } from "../../test/fixtures/until.ts";
import { openSqlite } from "../store/sqlite.ts";
import { AlertPage } from "../web/schemas/alert.ts";
import { Health } from "../web/schemas/health.ts";
import { History, type HistoryOptions } from "./history.ts";
import { tokenIn, tokenOf } from "./token-file.ts";

describe("History", () => {
  let folder: string;
  let said: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "saker-history-"));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const path = (): string => join(folder, "store", "saker.db");
  const opened = (rest: Partial<HistoryOptions> = {}): History =>
    new History({
      version: "1.2.3",
      hostname: "h",
      store: { path: path(), url: undefined, durability: "normal", days: 1, megabytes: 100 },
      web: undefined,
      webserver: undefined,
      watch: {
        health: async () => undefined,
        rules: async () => [],
        rule: async () => undefined,
        examine: async () => "",
        silences: async () => [],
        silence: async () => ({ obstacle: "not here" }),
        endSilence: async () => false,
      },
      onSilenced: () => {},
      onNote: (text) => said.push(text),
      onProblem: (text) => said.push(text),
      ...rest,
    });
  const web = (port = 0) => ({
    address: "127.0.0.1",
    port,
    hosts: [],
    tls: undefined,
    tokenFile: join(folder, "store", "token"),
    pageFolder: folder,
  });

  it("has written all that it took when it ends", async () => {
    const history = opened();
    for (let sequence = 1; sequence <= 1200; sequence += 1) history.take(alertNews({}, sequence));
    await history.close();
    assert.deepEqual(history.counts(), { waiting: 0, dropped: 0 });
    const backend = await openSqlite({ path: path(), durability: "normal", onNote: () => {} });
    const { rows } = await backend.db
      .selectFrom("alert")
      .select((from) => from.fn.countAll().as("rows"))
      .executeTakeFirstOrThrow();
    assert.equal(rows, 1200);
    await backend.close();
  });

  it("answers Falco's webserver beside the page, and only what that answers", async () => {
    const [health, taken] = [await freePort(), createServer()];
    const webserver = {
      address: "127.0.0.1",
      port: health,
      healthzPath: "/livez",
      metrics: true,
      certificate: undefined,
    };
    const history = opened({ webserver });
    await history.ready;
    const get = async (path: string) => fetch(`http://127.0.0.1:${health}${path}`);
    assert.deepEqual(await (await get("/livez?x")).json(), { status: "ok" });
    assert.deepEqual(await (await get("/versions")).json(), { saker: "1.2.3" });
    assert.match(await (await get("/metrics")).text(), /^saker_store_alerts 0$/m);
    for (const path of ["/", "/healthz", "/api/v1/alerts", "//livez"])
      assert.equal((await get(path)).status, 404, path);
    const posted = await fetch(`http://127.0.0.1:${health}/livez`, { method: "POST", body: "{}" });
    assert.equal(posted.status, 405);
    await history.close();
    await assert.rejects(get("/livez"));

    await new Promise<void>((resolve) => taken.listen(health, "127.0.0.1", resolve));
    const without = opened({ webserver });
    await without.ready;
    assert.match(said.join("\n"), /Cannot serve \/livez at 127.0.0.1:\d+: .*EADDRINUSE/);
    await without.close();
    taken.close();
  });

  it("drops what does not fit, a container's flood before the others'", async () => {
    const history = opened();
    for (let count = 0; count < 15_000; count += 1) history.take(alertNews());
    assert.equal(history.counts().dropped, 5000);
    history.take(alertNews({ outputFields: { "container.name": "other" } }));
    assert.equal(history.counts().dropped, 5000);
    await history.close();
  });

  it("has room for one container's alerts whatever ports others open", async () => {
    const history = opened();
    const stamp = { time: 0n, hostname: "h", sequence: 0 };
    for (let count = 0; count < 60_000; count += 1) {
      const port = { protocol: "tcp", address: "::", port: 1, namespace: 1 } as const;
      const container = count % 2 === 0 ? "one" : "two";
      history.take({ ...stamp, ...alertNews(), kind: "port-opened", port: { ...port, container } });
    }
    const { dropped } = history.counts();
    assert.ok(dropped > 0);
    for (let count = 0; count < 3000; count += 1)
      history.take(alertNews({ outputFields: { "container.name": "quiet" } }));
    assert.equal(history.counts().dropped, dropped);
    await history.close();
  });

  it("has for an output what was not answered, in the next watch, too", async () => {
    const reader = { output: "http 1", kinds: ["alert"], priority: 7 } as const;
    let answered = 0;
    const around = { place: () => ({ sequence: answered }), onLost: () => {} };
    const history = opened();
    const door = history.openReader(reader, around);
    const all = { after: undefined, through: 0, limit: 1000 };
    assert.deepEqual(await door.read(all), { news: [], isEnd: true, waiting: 0 });
    for (let sequence = 1; sequence <= 800; sequence += 1) history.take(alertNews({}, sequence));
    assert.deepEqual([door.keeps(799), door.keeps(800)], [false, true]);
    const page = await door.read({ after: { sequence: 100 }, through: 800, limit: 1000 });
    const numbers = page?.news.map(({ news }) => news.sequence);
    assert.deepEqual([numbers?.length, numbers?.[0], page?.isEnd], [500, 101, false]);
    answered = 700;
    door.close();
    await history.close();

    const next = opened();
    const again = next.openReader(reader, around);
    const rest = await again.read(all);
    assert.deepEqual([rest?.news.length, rest?.waiting, rest?.isEnd], [100, 100, true]);
    again.close();
    await next.close();
  });

  it("has nothing for an output where news are kept in memory alone", async () => {
    const store = { path: undefined, url: undefined, durability: "normal" as const, days: 1 };
    const history = opened({ store: { ...store, megabytes: 100 } });
    const reader = { output: "http 1", kinds: ["alert"], priority: 7 } as const;
    const door = history.openReader(reader, { place: () => undefined, onLost: () => {} });
    assert.equal(await door.read({ after: undefined, through: 0, limit: 1000 }), undefined);
    door.close();
    await history.close();
  });

  it("serves what it keeps, and asks the watch for the rest", async () => {
    const history = opened({ web: web() });
    await history.ready;
    const page = new URL(history.page ?? "");
    const login = await fetch(page, { redirect: "manual" });
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
    history.take(alertNews({ message: "over the thread" }));
    const get = async (url: string): Promise<unknown> =>
      (await fetch(new URL(url, page), { headers: { cookie } })).json();
    let alerts: AlertPage["alerts"] = [];
    while (alerts.length === 0) ({ alerts } = AlertPage.parse(await get("/api/v1/alerts")));
    assert.equal(alerts[0]?.message, "over the thread");
    assert.equal(Health.parse(await get("/api/v1/health")).watch, null);
    await history.close();
  });

  it("marks alerts that come by HTTP and are silenced, and says how many", async () => {
    const counted: [string, number][] = [];
    const history = opened({ web: web(), onSilenced: (...count) => counted.push(count) });
    const silence = { rule: "Noisy", fields: {}, because: "b", from: 0, until: Date.now() + 1e6 };
    history.useSilences([{ ...silence, id: "0000000a" }]);
    await history.ready;
    const headers = { authorization: `Bearer ${tokenIn(web().tokenFile)}` };
    const page = new URL(history.page ?? "");
    for (const rule of ["Noisy", "Other", "Noisy"]) {
      const alert = { rule, priority: "Notice", output: "o", time: new Date().toISOString() };
      const body = JSON.stringify({ ...alert, source: "syscall", output_fields: {} });
      assert.equal((await fetch(page.origin, { method: "POST", body, headers })).status, 200);
    }
    const url = `${page.origin}/api/v1/alerts?silenced=yes`;
    let alerts: AlertPage["alerts"] = [];
    while (alerts.length < 2)
      ({ alerts } = AlertPage.parse(await (await fetch(url, { headers })).json()));
    assert.deepEqual(
      alerts.map(({ rule, silence: id }) => [rule, id]),
      [
        ["Noisy", "0000000a"],
        ["Noisy", "0000000a"],
      ],
    );
    await until("both counts", () => counted.reduce((sum, [, count]) => sum + count, 0) === 2);
    await history.close();
  });

  it("goes on without its page where the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await until("the port", () => other.listening);
    const { port } = other.address() as { port: number };
    const history = opened({ web: web(port) });
    await history.ready;
    assert.match(said.join(), /^Cannot serve the page at 127.0.0.1:\d+: .*EADDRINUSE.*--no-web/);
    history.take(alertNews());
    await history.close();
    assert.equal(history.counts().dropped, 0);
    other.close();
  });

  it("keeps news in memory where the folder is not its own", async () => {
    const history = opened();
    await history.close();
    chmodSync(join(folder, "store"), 0o777);
    const second = opened();
    await second.ready;
    assert.match(said.join(), /others can write to it.*news are kept in memory until the end/);
    second.take(alertNews());
    await second.close();
    assert.equal(second.counts().dropped, 0);
  });
});

describe("tokenOf", () => {
  it("makes a token that its owner alone can read, and finds it again", () => {
    const folder = mkdtempSync(join(tmpdir(), "saker-token-"));
    const path = join(folder, "store", "token");
    assert.equal(tokenIn(path), undefined);
    const token = tokenOf(path);
    assert.match(token, /^[\w-]{43}$/);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(tokenOf(path), token);
    chmodSync(path, 0o640);
    assert.throws(() => tokenOf(path), /others may have read it/);
    chmodSync(path, 0o600);
    writeFileSync(path, "short");
    assert.throws(() => tokenOf(path), /too short/);
    rmSync(folder, { recursive: true });
  });
});
