// What outputs have not delivered is the store's to keep: through kill -9, an hour of silence, a full
// queue. Real watches, beside a Falco that is this test's.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../fixtures/free-port.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

/** Event times are a second apart, so that none of them counts as a flood. */
const START_MS = Date.UTC(2026, 0, 1);

function falcoLine(number: number, text = ""): string {
  const time = new Date(START_MS + number * 1000).toISOString();
  const output = `${time.slice(11, -1)}: Warning alert ${number} ${text}`;
  const alert = { hostname: "h", output, output_fields: {}, priority: "Warning", time };
  return `${JSON.stringify({ ...alert, rule: "R", source: "syscall", tags: [] })}\n`;
}

/** An HTTP server that takes alerts while it is up, and knows their numbers in the order of arrival. */
class Receiver {
  readonly port: number;
  readonly bodies: string[] = [];
  #server: Server | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get numbers(): number[] {
    return this.bodies.flatMap((body) => {
      const [, number] = /alert (\d+) /.exec(body) ?? [];
      return number === undefined ? [] : [Number(number)];
    });
  }

  async up(): Promise<void> {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        this.bodies.push(body);
        response.end();
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.port, "127.0.0.1", resolve));
  }

  down(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = undefined;
  }
}

function numbersUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

describe("the store as the outputs' outbox", () => {
  let folder: string;
  let receiver: Receiver;
  let watch: RunningSaker;
  let health: number;
  beforeEach(async () => {
    health = await freePort();
    folder = mkdtempSync(join(tmpdir(), "saker-outbox-"));
    receiver = new Receiver(await freePort());
  });
  afterEach(async () => {
    watch.child.kill("SIGKILL");
    await watch.ended();
    receiver.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (...more: string[]): Promise<void> => {
    const url = `http_output.url=http://127.0.0.1:${receiver.port}/`;
    const webserver = [
      "web.enabled=false",
      "metrics.enabled=true",
      "webserver.enabled=true",
      `webserver.listen_port=${health}`,
      "webserver.listen_address=127.0.0.1",
      "webserver.prometheus_metrics_enabled=true",
    ];
    const keys = ["http_output.enabled=true", url, ...webserver, ...more];
    const options = keys.flatMap((one) => ["-o", one]);
    const report = ["--report", folder, "--no-audit"];
    watch = startSaker(["watch", "--source", "falco:-", ...report, ...options], { cwd: folder });
    await until("the watch to begin", () => watch.err().includes("watching"), {
      seen: () => watch.err(),
    });
  };
  const feed = (from: number, to: number, text = ""): void => {
    for (let number = from; number <= to; number += 1)
      watch.child.stdin?.write(falcoLine(number, text));
  };
  const reported = (): number => {
    const text = readFileSync(join(folder, "falco_report.txt"), "utf8");
    return text.split("\n").filter((line) => / alert \d+ /.test(line)).length;
  };
  const untilKept = async (count: number): Promise<void> => {
    for (let left = 1000; left > 0; left -= 1) {
      const answer = await fetch(`http://127.0.0.1:${health}/metrics`).catch(() => undefined);
      const metrics = (await answer?.text()) ?? "";
      if (metrics.includes(`saker_store_alerts ${count}\n`)) return;
      await sleep(20);
    }
    throw new Error(`the store never had ${count} alerts\n${watch.err()}`);
  };
  const kill = async (): Promise<void> => {
    watch.child.kill("SIGKILL");
    await watch.ended();
  };

  test("after kill -9 all that a dead destination missed arrives in order, then what comes", async () => {
    await start();
    feed(1, 300);
    await until("the alerts", () => reported() === 300, { seen: () => watch.err() });
    await untilKept(300);
    await kill();
    await receiver.up();
    await start();
    feed(301, 310);
    await until("all alerts", () => receiver.numbers.length >= 310, {
      seen: () => `${receiver.numbers.length} ${watch.err()}`,
    });
    assert.deepEqual(receiver.numbers, numbersUpTo(310));
    await untilKept(310);
    await kill();
    await start();
    feed(311, 311);
    await until("one more", () => receiver.numbers.includes(311));
    // Those of the last second before the end may come twice.
    assert.deepEqual([...new Set(receiver.numbers)], numbersUpTo(311));
  });

  test("a queue of ten lines loses none of a thousand alerts, and another output waits for nothing", async () => {
    const other = new Receiver(await freePort());
    await other.up();
    await start("outputs_queue.capacity=10", `webhook.address=http://127.0.0.1:${other.port}`);
    feed(1, 1000);
    await until("the other's", () => other.numbers.length >= 1000, {
      seen: () => `${other.numbers.length} ${watch.err()}`,
    });
    assert.deepEqual(other.numbers, numbersUpTo(1000));
    assert.deepEqual(receiver.numbers, []);
    await receiver.up();
    watch.child.kill("SIGUSR1");
    await until("all alerts", () => receiver.numbers.length >= 1000, {
      seen: () => `${receiver.numbers.length} ${watch.err()}`,
    });
    assert.deepEqual(receiver.numbers, numbersUpTo(1000));
    other.down();
    await watch.stop();
    assert.doesNotMatch(watch.err(), /did not reach http|wait for the next start/);
  });

  test("an end keeps what waits, and says how much", async () => {
    await start();
    feed(1, 20);
    await until("the alerts", () => reported() === 20);
    await watch.stop();
    assert.match(watch.err(), /alerts that wait for the next start: 20, for http_output at/);
    assert.doesNotMatch(watch.err(), /did not reach/);
    await receiver.up();
    await start();
    await until("all alerts", () => receiver.numbers.length >= 20);
    await watch.stop();
    assert.deepEqual(receiver.numbers, numbersUpTo(20));
  });

  test("what retention removes before it was delivered is counted, and one alert says how many", async () => {
    await start("outputs_queue.capacity=10", "store.megabytes=4");
    feed(1, 12_000, "x".repeat(1000));
    await until("the loss", () => watch.err().includes("the store removed them"), {
      seen: () => watch.err(),
    });
    await receiver.up();
    // Outputs open anew, and wait no longer.
    watch.child.kill("SIGUSR1");
    await until("the last", () => receiver.numbers.includes(12_000), {
      seen: () => `${receiver.numbers.length} ${watch.err()}`,
    });
    const { bodies, numbers } = receiver;
    await until("the alert that says so", () =>
      bodies.some((body) => body.includes("Saker internal: alerts lost. ")),
    );
    await watch.stop();
    assert.deepEqual(
      numbers,
      numbers.toSorted((one, other) => one - other),
    );
    const [, all = ""] = /(\d+) alerts \(/.exec(watch.err()) ?? [];
    const [, reasons = ""] = /did not reach http_output at \S+: (.*)/.exec(watch.err()) ?? [];
    const lost = [...reasons.matchAll(/(\d+) \(/g)].map(([, count]) => Number(count));
    assert.ok(reasons.includes("(the store removed them before they were sent)"));
    // Of what was removed within the moment in which it was sent, some count as lost, too.
    const sum = bodies.length + lost.reduce((one, other) => one + other, 0);
    assert.ok(sum >= Number(all) && sum < 1.01 * Number(all), `${sum} of ${all}`);
  });
});
