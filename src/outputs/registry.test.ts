// The contract that every output keeps, on the real thing behind each.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { type DatagramServer, datagramServer } from "../../test/fixtures/datagram-server.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import type { Destination } from "./destination.ts";
import { FileClaims } from "./file-claims.ts";
import { linesLost } from "./output.ts";
import type { OutputContext } from "./output-context.ts";
import { OFF, OUTPUT_KINDS } from "./registry.ts";

interface Harness {
  readonly destination: Destination;
  /** Every line that has arrived, as the other side reads it. */
  received(): readonly string[];
  /** From now on nothing can be delivered, and then it can again; absent where that is the end. */
  readonly fault?: { begin(): void; end(): void };
  end(): void;
  /** What arrives is cut and written out for people: posted.test.ts tells how. */
  readonly isForPeople?: true;
}

type Open = (folder: string, context: OutputContext) => Harness | Promise<Harness>;

const lines = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];

function programHarness(keepAlive: boolean): Open {
  return (folder, context) => {
    const path = join(folder, "got");
    const handler = join(folder, "handler.sh");
    const write = (script: string): void => {
      // Renamed: a program that is being written cannot be run.
      writeFileSync(`${handler}.new`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      renameSync(`${handler}.new`, handler);
    };
    write(`exec cat >> ${path}`);
    return {
      destination: OUTPUT_KINDS.program.open(
        { enabled: true, program: handler, keepAlive },
        context,
      ),
      received: () => lines(path),
      // For a program of its own an alert is refused, not tried again.
      ...(keepAlive
        ? { fault: { begin: () => write("exit 1"), end: () => write(`exec cat >> ${path}`) } }
        : {}),
      end: () => {},
    };
  };
}

/** A service that posts go to; `linesOf`: the alerts of one body. */
function posted(
  open: (url: string, context: OutputContext) => Destination,
  linesOf: (body: string) => readonly string[],
): Open {
  return async (_, context) => {
    const bodies: string[] = [];
    let isBroken = false;
    const server = createServer(async (request, response) => {
      const body = await text(request);
      if (!isBroken) bodies.push(body);
      response.writeHead(isBroken ? 503 : 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
      destination: open(`http://127.0.0.1:${port}/`, context),
      received: () => bodies.flatMap(linesOf),
      fault: { begin: () => (isBroken = true), end: () => (isBroken = false) },
      end: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  };
}

/** A syslog server over TCP that reads octet counts (RFC 6587). */
function syslogServer(): Open {
  return async (_, context) => {
    const port = await freePort();
    const chunks: Buffer[] = [];
    let server: Server | undefined;
    const begin = (): void => {
      server = createTcpServer((socket) => {
        socket.on("data", (chunk) => chunks.push(chunk));
        socket.on("error", () => {});
      }).listen(port, "127.0.0.1");
    };
    const end = (): void => {
      server?.close();
      server = undefined;
    };
    begin();
    return {
      destination: OUTPUT_KINDS.remoteSyslog.open(
        { ...OFF.remoteSyslog, host: "127.0.0.1", port },
        context,
      ),
      received: () => framesIn(Buffer.concat(chunks)),
      fault: { begin: end, end: begin },
      end,
    };
  };
}

/** The messages behind the heads of whole frames. */
function framesIn(bytes: Buffer): readonly string[] {
  const messages: string[] = [];
  for (let at = 0; ;) {
    const blank = bytes.indexOf(" ", at);
    const length = Number(bytes.toString("latin1", at, Math.max(at, blank)));
    if (blank < 0 || blank + 1 + length > bytes.length) return messages;
    const frame = bytes.toString("utf8", blank + 1, blank + 1 + length);
    messages.push(frame.slice(frame.indexOf("{")));
    at = blank + 1 + length;
  }
}

/** The same of messages for people: their text is the alert's message, cut and written out. */
function forPeople(
  open: (url: string, context: OutputContext) => Destination,
  textsOf: (body: string) => readonly string[],
): Open {
  const asLine = (shown: string): string => JSON.stringify({ output: `${" ".repeat(28)}${shown}` });
  const whole = posted(open, (body) => textsOf(body).map(asLine));
  return async (folder, context) => ({ ...(await whole(folder, context)), isForPeople: true });
}

const HARNESSES: Readonly<Record<string, Open>> = {
  file: (folder, context) => {
    const filename = join(folder, "alerts.txt");
    return {
      destination: OUTPUT_KINDS.file.open({ enabled: true, filename, keepAlive: false }, context),
      received: () => lines(filename),
      fault: { begin: () => mkdirSync(filename), end: () => rmSync(filename, { recursive: true }) },
      end: () => {},
    };
  },
  stdout: (_, context) => {
    const stream = new PassThrough();
    let got = "";
    stream.on("data", (data) => (got += String(data)));
    return {
      destination: OUTPUT_KINDS.stdout.open({ enabled: true }, { ...context, stdout: { stream } }),
      received: () => got.split("\n").slice(0, -1),
      end: () => stream.destroy(),
    };
  },
  "program, one an alert": programHarness(false),
  "program, kept alive": programHarness(true),
  http: posted(
    (url, context) => OUTPUT_KINDS.http.open({ ...OFF.http, enabled: true, url }, context),
    (body) => [body],
  ),
  "remoteSyslog, tcp": syslogServer(),
  loki: posted(
    (address, context) => OUTPUT_KINDS.loki.open({ ...OFF.loki, address }, context),
    (body) =>
      JSON.parse(body).streams.map(({ values }: { values: string[][] }) => values[0]?.[1] ?? ""),
  ),
  elasticsearch: posted(
    (address, context) =>
      OUTPUT_KINDS.elasticsearch.open({ ...OFF.elasticsearch, address }, context),
    (body) => body.split("\n").filter((_, index) => index % 2 === 1),
  ),
  webhook: posted(
    (address, context) => OUTPUT_KINDS.webhook.open({ ...OFF.webhook, address }, context),
    (body) => [body],
  ),
  slack: forPeople(
    (address, context) => OUTPUT_KINDS.slack.open({ ...OFF.slack, address }, context),
    (body) => [JSON.parse(body).attachments[0].text],
  ),
  teams: forPeople(
    (address, context) => OUTPUT_KINDS.teams.open({ ...OFF.teams, address }, context),
    (body) => [JSON.parse(body).attachments[0].content.body[1].inlines[0].text],
  ),
  alertmanager: forPeople(
    (address, context) => OUTPUT_KINDS.alertmanager.open({ ...OFF.alertmanager, address }, context),
    (body) =>
      JSON.parse(body).map(
        ({ annotations }: { annotations: { description: string } }) => annotations.description,
      ),
  ),
  syslog: (folder, context) => {
    const syslogPath = join(folder, "log");
    const messages: string[] = [];
    let server: DatagramServer | undefined = datagramServer(syslogPath);
    const end = (): void => {
      server?.close();
      server = undefined;
      rmSync(syslogPath, { force: true });
    };
    return {
      destination: OUTPUT_KINDS.syslog.open({ enabled: true }, { ...context, syslogPath }),
      received: () => {
        messages.push(...(server?.received() ?? []));
        return messages.map((message) => message.slice(message.indexOf("falco: ") + 7));
      },
      fault: { begin: end, end: () => (server = datagramServer(syslogPath)) },
      end,
    };
  },
};

const HOSTILE = [
  "plain",
  "two\nlines\r\nand\u0000nul",
  `quotes " ' \` \\ $(touch /tmp/x) %s%n`,
  "turned \u202egnp.exe, split \u2028 \u2029, C1 \u009b31m\u0085",
  "lone \udc80 surrogate, emoji \u{1f980}",
  "x".repeat(65_536),
  "<!channel> @everyone [a](http://b) </pre><script>",
];

async function opened(t: { after(fn: () => void): void }, open: Open) {
  const folder = mkdtempSync(join(tmpdir(), "saker-contract-"));
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const harness = await open(folder, {
    format: { isoTime: false, utcOffsetMinutes: () => 0 },
    json: true,
    stdout: { stream: new PassThrough() },
    environment: { PATH: "/usr/bin:/bin" },
    claims: new FileClaims(),
    onProblem: say,
    onNote: say,
  });
  t.after(() => {
    harness.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const delivery = new Delivery(harness.destination, {
    firstPauseMs: 1,
    slowMs: 60_000,
    onProblem: say,
    onNote: say,
  });
  const messages = (): string[] =>
    harness.received().map((line) => String(JSON.parse(line).output).slice(28));
  return { delivery, harness, said, messages };
}

for (const [name, open] of Object.entries(HARNESSES)) {
  test(`${name}: hostile text arrives whole, a line each, in order`, async (t) => {
    const { delivery, messages, said, harness } = await opened(t, open);
    if (harness.isForPeople === true) return t.skip("its text is cut and written out");
    for (const message of HOSTILE) delivery.take(alertNews({ message }));
    const counts = await delivery.close(60_000);
    assert.equal(counts.delivered, HOSTILE.length);
    await until("it has arrived", () => harness.received().length === HOSTILE.length);
    assert.deepEqual(
      messages(),
      HOSTILE.map((message) => message.toWellFormed()),
    );
    for (const line of harness.received())
      // oxlint-disable-next-line no-control-regex -- none may be there
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    assert.deepEqual(said, []);
  });

  test(`${name}: what is not an alert is left, and after the end it is counted`, async (t) => {
    const { delivery, harness } = await opened(t, open);
    delivery.take({ kind: "problem", text: "x", sequence: 1, time: 0n, host: "h" });
    const counts = await delivery.close();
    delivery.take(alertNews());
    assert.equal(counts.delivered + counts.waiting + linesLost(counts), 0);
    assert.equal(linesLost(delivery.counts()), 1);
    assert.equal(harness.received().length, 0);
  });

  test(`${name}: a fault is reported once, what waits arrives when it is over`, async (t) => {
    const { delivery, harness, messages, said } = await opened(t, open);
    if (harness.fault === undefined) return t.skip("a fault of this one is no pause");
    harness.fault.begin();
    for (const message of ["a", "b", "c"]) delivery.take(alertNews({ message }));
    await until("it is reported", () => said.length === 1);
    harness.fault.end();
    await until("all is delivered", () => delivery.counts().delivered === 3);
    await delivery.close(60_000);
    await until("it has arrived", () => harness.received().length === 3);
    assert.deepEqual(messages(), ["a", "b", "c"]);
    assert.match(said.join("\n"), /^Cannot write to .*; alerts wait.*\nWriting to .* works again$/);
  });

  test(`${name}: the end in the middle of a fault says what was not delivered`, async (t) => {
    const { delivery, harness, said } = await opened(t, open);
    if (harness.fault === undefined) return t.skip("a fault of this one is no pause");
    harness.fault.begin();
    for (const message of ["a", "b", "c"]) delivery.take(alertNews({ message }));
    await until("it is reported", () => said.length === 1);
    const counts = await delivery.close();
    assert.deepEqual([counts.delivered, counts.waiting, linesLost(counts)], [0, 0, 3]);
    assert.equal(Object.keys(counts.dropped).length, 1);
    assert.equal(said.length, 1);
  });
}

test("every kind of output has its contract tested", () => {
  const tested = new Set(Object.keys(HARNESSES).map((name) => name.split(",")[0]));
  assert.deepEqual(tested, new Set(Object.keys(OUTPUT_KINDS)));
});
