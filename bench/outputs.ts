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
  const tcp = createServer((socket) => socket.resume());
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

async function measure(destination: Destination, alerts: number): Promise<number> {
  const say = (text: string): void => console.error(text);
  const delivery = new Delivery(destination, { capacity: alerts, onProblem: say, onNote: say });
  const before = process.cpuUsage();
  for (let count = 0; count < alerts; count += 1) {
    delivery.take(alertNews({ outputFields: FIELDS }));
    if (count % 500 === 0) await turn();
  }
  while (delivery.counts().delivered < alerts) await sleep(5);
  const { user, system } = process.cpuUsage(before);
  await delivery.close();
  return Math.round(alerts / ((user + system) / 1e6));
}
