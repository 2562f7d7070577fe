// What an alert costs that goes elsewhere: CPU time of this process, the other side being one of its
// own that takes everything; `node bench/outputs.ts [ALERTS]`.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { History, type HistoryOptions } from "../src/history/history.ts";
import { Delivery } from "../src/outputs/delivery.ts";
import type { Destination } from "../src/outputs/destination.ts";
import { FileClaims } from "../src/outputs/file-claims.ts";
import type { OutputContext } from "../src/outputs/output-context.ts";
import { OFF, OUTPUT_KINDS } from "../src/outputs/registry.ts";
import { alertNews } from "../test/fixtures/alert-news.ts";
import { BROKERS, missing } from "../test/fixtures/brokers.ts";

interface Ports {
  readonly tcp: number;
  readonly http: number;
}

const CONTEXT = {
  format: { isoTime: false, utcOffsetMinutes: () => 0 },
  claims: new FileClaims(),
} as unknown as OutputContext;

const FIELDS = {
  "container.id": "3ad7b26ded6d",
  "container.name": "web",
  "evt.type": "listen",
  "fd.name": "0.0.0.0:8080",
  "fd.sport": 8080,
  "proc.cmdline": "nginx -g daemon off;",
  "proc.name": "nginx",
  "user.name": "root",
};

if (process.argv[2] === "sink") sink();
else await measureAll(Number(process.argv[2] ?? 40_000));

function sink(): void {
  // Whoever measures has failed.
  process.on("disconnect", () => process.exit());
  const tcp = createServer((socket) => socket.on("error", () => {}).resume());
  const http = createHttpServer((request, response) => {
    request.resume().on("end", () => response.end("{}"));
  });
  tcp.listen(0, "127.0.0.1", () =>
    http.listen(0, "127.0.0.1", () => {
      const [one, other] = [tcp, http].map((server) => (server.address() as AddressInfo).port);
      process.send?.({ tcp: one, http: other });
    }),
  );
}

async function measureAll(alerts: number): Promise<void> {
  const other = fork(import.meta.filename, ["sink"]);
  const [{ tcp: port, http }] = (await once(other, "message")) as [Ports];
  const address = `http://127.0.0.1:${http}`;
  const { remoteSyslog, alertmanager, loki, elasticsearch, webhook } = OUTPUT_KINDS;
  const syslog = { ...OFF.remoteSyslog, host: "127.0.0.1", port };
  const runs: readonly (readonly [string, Destination, number])[] = [
    ["syslog TCP, JSON", remoteSyslog.open(syslog, CONTEXT), alerts],
    ["syslog TCP, CEF", remoteSyslog.open({ ...syslog, format: "cef" }, CONTEXT), alerts],
    [
      "alertmanager, 64 a post",
      alertmanager.open({ ...OFF.alertmanager, address }, CONTEXT),
      alerts,
    ],
    ["loki, 100 a post", loki.open({ ...OFF.loki, address }, CONTEXT), alerts],
    [
      "elasticsearch, 100 a post",
      elasticsearch.open({ ...OFF.elasticsearch, address }, CONTEXT),
      alerts,
    ],
    ["webhook, one a post", webhook.open({ ...OFF.webhook, address }, CONTEXT), alerts / 10],
  ];
  for (const [name, destination, count] of runs)
    console.log(`${name}: ${await measure(destination, count)} alerts a CPU second`);
  const outputs = (): Destination[] => [
    remoteSyslog.open(syslog, CONTEXT),
    alertmanager.open({ ...OFF.alertmanager, address }, CONTEXT),
    loki.open({ ...OFF.loki, address }, CONTEXT),
  ];
  await measureStore(remoteSyslog.open(syslog, CONTEXT), alerts);
  await measureIdle(outputs());
  other.kill();
  await measureBrokers(alerts);
}

/** Real servers, where they are installed: each alert is acknowledged. */
async function measureBrokers(alerts: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "saker-bench-"));
  const { nats, redis, mqtt } = OUTPUT_KINDS;
  const opened = {
    nats: (at: string) => nats.open({ ...OFF.nats, hostPort: at }, CONTEXT),
    redis: (at: string) => redis.open({ ...OFF.redis, address: at }, CONTEXT),
    mqtt: (at: string) => mqtt.open({ ...OFF.mqtt, broker: at }, CONTEXT),
  };
  const options = { nats: ["--name", "bench"], redis: [], mqtt: ["allow_anonymous true"] };
  for (const name of ["nats", "redis", "mqtt"] as const) {
    if (missing(BROKERS[name]) !== undefined) continue;
    const broker = await BROKERS[name].start(folder, options[name]);
    const destination = opened[name](`127.0.0.1:${broker.port}`);
    console.log(`${name}: ${await measure(destination, alerts)} alerts a CPU second`);
    broker.end();
  }
  rmSync(folder, { recursive: true, force: true });
}

function say(text: string): void {
  console.error(text);
}

/** All of it is kept while nobody can be reached, and sent in the next watch. */
async function measureStore(destination: Destination, alerts: number): Promise<void> {
  await inFolder(async (folder) => {
    const history = historyIn(folder);
    const away: Destination = {
      ...withOutbox(destination),
      deliver: async () => ({ delivered: 0, reason: "it is away" }),
    };
    const waiting = new Delivery(away, { outbox: history, onProblem: say, onNote: say });
    await history.ready;
    for (let sequence = 1; sequence <= alerts; sequence += 1) {
      const news = alertNews({ outputFields: FIELDS }, sequence);
      history.take(news);
      waiting.take(news);
      if (sequence % 5000 === 0) while (history.counts().waiting > 0) await sleep(5);
    }
    await Promise.all([waiting.close(), history.close()]);
    const next = historyIn(folder);
    await next.ready;
    const before = process.cpuUsage();
    const delivery = new Delivery(destination, { outbox: next, onProblem: say, onNote: say });
    while (delivery.counts().delivered < alerts) await sleep(5);
    console.log(
      `syslog TCP, JSON, out of the store: ${perSecond(alerts, before)} alerts a CPU second`,
    );
    await Promise.all([delivery.close(), next.close()]);
  });
}

/** Getters are the prototype's. */
function withOutbox({ name, target, batch, outbox, ...rest }: Destination): Destination {
  return { ...rest, name, target, batch, outbox, format: () => "away", close: async () => {} };
}

/** Beside a store that is open anyway. */
async function measureIdle(destinations: readonly Destination[]): Promise<void> {
  await inFolder(async (folder) => {
    const history = historyIn(folder);
    await history.ready;
    const without = await atRest();
    const options = { outbox: history, onProblem: say, onNote: say };
    const outputs = destinations.map((destination) => new Delivery(destination, options));
    const news = alertNews({ outputFields: FIELDS });
    history.take(news);
    for (const output of outputs) output.take(news);
    while (outputs.some((output) => output.counts().delivered < 1)) await sleep(5);
    const beside = await atRest();
    const cpu = (beside.cpu - without.cpu).toFixed(2);
    const megabytes = ((beside.rss - without.rss) / 1e6).toFixed(1);
    console.log(`three idle outputs: ${cpu} % of a CPU, ${megabytes} MB`);
    await Promise.all([...outputs, history].map((one) => one.close()));
  });
}

/** Per cent of a CPU over ten seconds, and memory in bytes. */
async function atRest(): Promise<{ readonly cpu: number; readonly rss: number }> {
  await sleep(1000);
  globalThis.gc?.();
  const before = process.cpuUsage();
  await sleep(10_000);
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1e5, rss: process.memoryUsage.rss() };
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "saker-outputs-"));
  await run(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}

function historyIn(folder: string): History {
  const path = join(folder, "store", "saker.db");
  return new History({
    version: "bench",
    hostname: "h",
    store: { path, url: undefined, durability: "normal", days: 1, megabytes: 1000 },
    web: undefined,
    webserver: undefined,
    // Nobody asks: there is no page.
    watch: {} as HistoryOptions["watch"],
    onSilenced: () => {},
    onNote: say,
    onProblem: say,
  });
}

function perSecond(alerts: number, before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return Math.round(alerts / ((user + system) / 1e6));
}

async function measure(destination: Destination, alerts: number): Promise<number> {
  const delivery = new Delivery(destination, { capacity: alerts, onProblem: say, onNote: say });
  const before = process.cpuUsage();
  for (let count = 0; count < alerts; count += 1) {
    delivery.take(alertNews({ outputFields: FIELDS }));
    if (count % 500 === 0) await turn();
  }
  while (delivery.counts().delivered < alerts) await sleep(5);
  const rate = perSecond(alerts, before);
  await delivery.close();
  return rate;
}
