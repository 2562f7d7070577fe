import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import type { OutputContext } from "./output-context.ts";
import { OFF, OUTPUT_KINDS } from "./registry.ts";

const CONTEXT = {
  format: { isoTime: false, utcOffsetMinutes: () => 0 },
  claims: new FileClaims(),
} as unknown as OutputContext;

function delivery(port: number, options: object): Delivery {
  const destination = OUTPUT_KINDS.remoteSyslog.open(
    { ...OFF.remoteSyslog, host: "127.0.0.1", port, ...options },
    CONTEXT,
  );
  return new Delivery(destination, { firstPauseMs: 1, onProblem: () => {}, onNote: () => {} });
}

const RSYSLOGD = "/usr/sbin/rsyslogd";
const HOSTILE = 'a|b=c "\n\u0000\u202e'.repeat(10);

test("rsyslog reads every form, by UDP and TCP", async (t) => {
  if (!existsSync(RSYSLOGD)) return t.skip(`${RSYSLOGD} is not there (Debian's rsyslog)`);
  const folder = mkdtempSync(join(tmpdir(), "saker-rsyslog-"));
  const [port, out] = [await freePort(), join(folder, "out")];
  writeFileSync(
    join(folder, "conf"),
    `module(load="imtcp") module(load="imudp")
input(type="imtcp" port="${port}" address="127.0.0.1")
input(type="imudp" port="${port}" address="127.0.0.1")
template(name="t" type="string" string="%pri%|%hostname%|%programname%|%msg%\\n")
action(type="omfile" file="${out}" template="t")
`,
  );
  const server = spawn(RSYSLOGD, ["-n", "-i", join(folder, "pid"), "-f", join(folder, "conf")]);
  t.after(async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = (): readonly string[] =>
    existsSync(out) ? readFileSync(out, "utf8").split("\n").slice(0, -1) : [];
  let sent = 0;
  for (const rfc of ["5424", "3164"])
    for (const format of ["json", "cef", "text"])
      for (const protocol of ["tcp", "udp"]) {
        const output = delivery(port, { rfc, format, protocol });
        output.take(alertNews({ message: HOSTILE, rule: "R" }));
        await until("it is sent", () => output.counts().delivered === 1);
        sent += 1;
        await until(`${rfc} ${format} ${protocol} is read`, () => lines().length >= sent);
        const line = lines()[sent - 1] ?? "";
        assert.match(line, /^12\|h\|falco\|/);
        const message = line.slice("12|h|falco|".length);
        if (format === "json") assert.equal(JSON.parse(message).rule, "R");
        if (format === "cef") assert.match(message, /^ ?CEF:0\|.*msg=a\|b\\=c "/);
        await output.close();
      }
  assert.equal(lines().length, sent);
});

test("an alert that no datagram takes is sent without what makes it long", async (t) => {
  const server = createSocket("udp4").bind(await freePort(), "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const read: string[] = [];
  server.on("message", (bytes) => read.push(bytes.toString()));
  for (const format of ["json", "cef", "text"]) {
    const output = delivery(server.address().port, { protocol: "udp", format });
    const long = "\u0001".repeat(12_000);
    output.take(alertNews({ message: `begins ${long}`, outputFields: { "proc.cmdline": long } }));
    await until(`${format} is read`, () => read.length === 1);
    assert.match(read.pop() ?? "", /begins \\u0001/);
    assert.deepEqual(output.counts().refused, {});
    await output.close();
  }
});

test("a server that never reads holds its output alone, and ends with it", async (t) => {
  const server = createServer((socket) => void socket.pause()).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const output = delivery(port, {});
  for (let count = 0; count < 200; count += 1)
    output.take(alertNews({ message: "x".repeat(100_000) }));
  const { waiting, dropped } = await output.close(100);
  assert.equal(waiting, 0);
  assert.ok(Object.values(dropped).reduce((sum, count) => sum + count, 0) > 0);
});
