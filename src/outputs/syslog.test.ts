import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { datagramServer } from "../../test/fixtures/datagram-server.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import type { OutputContext } from "./output-context.ts";
import { logDestination, SYSLOG_OUTPUT, syslogLine } from "./syslog.ts";

function syslogOutput(t: { after(fn: () => void): void }, { log = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "saker-syslog-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const syslogPath = join(folder, "log");
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const context: OutputContext = {
    format: { isoTime: false, utcOffsetMinutes: () => 0 },
    json: false,
    stdout: { stream: new PassThrough() },
    environment: {},
    syslogPath,
    claims: new FileClaims(),
    onProblem: say,
    onNote: say,
  };
  const destination = log
    ? logDestination("warning", context)
    : SYSLOG_OUTPUT.open({ enabled: true }, context);
  const delivery = new Delivery(destination, { firstPauseMs: 1, onProblem: say, onNote: say });
  return { delivery, syslogPath, said };
}

const STAMP = /^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d falco: /;

test("syslog_output sends a datagram an alert, as the C library does", async (t) => {
  const { delivery, syslogPath, said } = syslogOutput(t);
  const server = datagramServer(syslogPath);
  t.after(() => server.close());
  await delivery.check();
  delivery.take(alertNews());
  delivery.take(alertNews({ priority: "Emergency", message: "a\nb\u0000<8>c" }));
  const counts = await delivery.close(60_000);
  assert.equal(counts.delivered, 2);
  const [first = "", second = ""] = server.received();
  assert.equal(STAMP.exec(first)?.[1], "12");
  assert.ok(
    first.endsWith(
      "falco: 08:23:00.580354112: Warning New port opened in container (container_name=web)",
    ),
  );
  assert.equal(STAMP.exec(second)?.[1], "8");
  assert.ok(second.endsWith("Emergency a\\nb\\u0000<8>c"));
  assert.deepEqual(said, []);
});

test("syslog_output takes a stream where the server has one", async (t) => {
  const { delivery, syslogPath } = syslogOutput(t);
  const got: Buffer[] = [];
  const server: Server = createServer((socket) => socket.on("data", (data) => got.push(data)));
  await new Promise<void>((resolve) => server.listen(syslogPath, resolve));
  t.after(() => server.close());
  delivery.take(alertNews({ message: "x".repeat(1_000_000) }));
  delivery.take(alertNews());
  const counts = await delivery.close(60_000);
  await until("all has arrived", () => Buffer.concat(got).toString().split("\0").length === 3);
  const [first = "", second = "", rest] = Buffer.concat(got).toString().split("\0");
  assert.ok(STAMP.test(first) && first.endsWith("x".repeat(1000)) && STAMP.test(second));
  assert.equal(rest, "");
  assert.equal(counts.delivered, 2);
});

test("syslog_output reports once that there is no syslog, and goes on when there is", async (t) => {
  const { delivery, syslogPath, said } = syslogOutput(t);
  await delivery.check();
  delivery.take(alertNews());
  delivery.take(alertNews());
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^Cannot write to syslog ".*log": there is no syslog \(ENOENT\)/);
  const first = datagramServer(syslogPath);
  await until("they are sent", () => delivery.counts().delivered === 2);
  assert.equal(first.received().length, 2);
  first.close();
  // A syslog server that is started anew has another socket under the same name.
  rmSync(syslogPath);
  const second = datagramServer(syslogPath);
  t.after(() => second.close());
  delivery.take(alertNews());
  assert.equal((await delivery.close(60_000)).delivered, 3);
  assert.equal(second.received().length, 1);
});

test("syslog_output waits for a server that does not read, and refuses what no datagram holds", async (t) => {
  const { delivery, syslogPath } = syslogOutput(t);
  const server = datagramServer(syslogPath);
  t.after(() => server.close());
  for (let index = 0; index < 1000; index += 1)
    delivery.take(alertNews({ message: `${index} ${"y".repeat(2000)}` }));
  delivery.take(alertNews({ message: "z".repeat(1 << 20) }));
  const received: string[] = [];
  await until("all are settled", () => {
    received.push(...server.received());
    return delivery.counts().waiting === 0;
  });
  received.push(...server.received());
  assert.deepEqual(
    received.map((line) => Number(/Warning (\d+) /.exec(line)?.[1])),
    Array.from({ length: 1000 }, (_, index) => index),
  );
  assert.deepEqual((await delivery.close()).refused, {
    "an alert is longer than a datagram may be": 1,
  });
});

test("log_syslog sends problems and losses, from its level on, in one line", async (t) => {
  const { delivery, syslogPath } = syslogOutput(t, { log: true });
  const server = datagramServer(syslogPath);
  t.after(() => server.close());
  const stamp = { sequence: 1, time: 0n, host: "h" };
  delivery.take({ ...stamp, kind: "problem", text: 'Cannot open "a\nb"' });
  delivery.take({ ...stamp, kind: "note", text: "not urgent" });
  delivery.take({ ...stamp, kind: "loss", what: "events", count: 3, reason: "the ring was full" });
  delivery.take(alertNews());
  await delivery.close(60_000);
  assert.deepEqual(
    server.received().map((line) => line.replace(STAMP, "$1 ")),
    ['12 Cannot open "a\\nb"', "12 3 events lost: the ring was full"],
  );
});

test("log_syslog reports nothing where there is no syslog", async (t) => {
  const { delivery, said } = syslogOutput(t, { log: true });
  await delivery.check();
  delivery.take({ sequence: 1, time: 0n, host: "h", kind: "problem", text: "x" });
  const counts = await delivery.close(60_000);
  assert.deepEqual([counts.duplicates, counts.dropped, said], [1, {}, []]);
});

test("syslogLine() has the time and day of the zone", () => {
  const epochMs = Date.UTC(2026, 0, 1, 23, 30, 5);
  assert.equal(
    syslogLine({ severity: 4, line: "x" }, epochMs, () => 60),
    "<12>Jan  2 00:30:05 falco: x",
  );
});
