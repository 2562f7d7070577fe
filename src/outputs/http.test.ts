import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import { answerOf, HttpClient } from "./http-client.ts";
import { HTTP_OUTPUT, type HttpOptions } from "./http.ts";
import { OFF } from "./registry.ts";

function httpOutput(options: Partial<HttpOptions>, { json = true, abortMs = 60_000 } = {}) {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const destination = HTTP_OUTPUT.open(
    { ...OFF.http, enabled: true, ...options },
    {
      format: { isoTime: false, utcOffsetMinutes: () => 0 },
      json,
      stdout: { stream: new PassThrough() },
      environment: {},
      claims: new FileClaims(),
      onProblem: say,
      onNote: say,
    },
  );
  const delivery = new Delivery(destination, {
    firstPauseMs: 1,
    slowMs: 60_000,
    abortMs,
    onProblem: say,
    onNote: say,
  });
  const take = (...rules: readonly string[]): void => {
    for (const rule of rules) delivery.take(alertNews({ rule }));
  };
  return { delivery, take, said };
}

interface Request {
  readonly request: IncomingMessage;
  readonly body: string;
}

async function listening(
  t: { after(fn: () => void): void },
  server: Server & { closeAllConnections(): void },
) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that answers its requests one after another; what it is asked after that, with 200. */
async function scripted(
  t: { after(fn: () => void): void },
  ...answers: readonly ((response: ServerResponse) => void)[]
) {
  const requests: Request[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push({ request, body });
    (answers[requests.length - 1] ?? ((ok) => ok.end("ok")))(response);
  });
  return { url: `http://127.0.0.1:${await listening(t, server)}/alerts?token=secret`, requests };
}

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(code, headers).end();

test("http_output posts an alert as Falco does, over one connection", async (t) => {
  const { url, requests } = await scripted(t);
  const { delivery, take, said } = httpOutput({ url: `"${url}"` });
  await delivery.check();
  take("a", "b");
  assert.equal((await delivery.close(60_000)).delivered, 2);
  const [first, second] = requests;
  assert.equal(first?.request.method, "POST");
  assert.equal(first?.request.url, "/alerts?token=secret");
  assert.equal(first?.request.headers["content-type"], "application/json");
  assert.equal(first?.request.headers["user-agent"], "falcosecurity/falco");
  assert.equal(JSON.parse(first?.body ?? "").rule, "a");
  assert.equal(second?.request.socket, first?.request.socket);
  assert.deepEqual(said, []);
});

test("http_output posts text without json_output", async (t) => {
  const { url, requests } = await scripted(t);
  const { delivery, take } = httpOutput({ url, userAgent: "x\r\nEvil: 1" }, { json: false });
  take("a");
  assert.equal((await delivery.close(60_000)).delivered, 1);
  assert.equal(requests[0]?.request.headers["content-type"], "text/plain");
  assert.equal(requests[0]?.request.headers["user-agent"], "x??Evil: 1");
  assert.match(requests[0]?.body ?? "", /^08:23:00.580354112: Warning New port/);
});

test("http_output.batch posts lines together, and halves what is refused whole", async (t) => {
  const { url, requests } = await scripted(t, status(413), status(200), status(422), status(400));
  const { delivery, take } = httpOutput({ url, batch: 4 });
  take("a", "b", "c", "d", "e");
  await until("all are settled", () => delivery.counts().waiting === 0);
  const rules = requests.map(({ body }) =>
    body.split("\n").map((line) => JSON.parse(line).rule as string),
  );
  assert.deepEqual(rules, [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"], ["e"]]);
  assert.equal(requests[0]?.request.headers["content-type"], "application/x-ndjson");
  const { delivered, refused } = await delivery.close();
  assert.deepEqual([delivered, refused], [4, { "it answers 400": 1 }]);
});

test("http_output.compress_uploads sends gzip until a server does not take that", async (t) => {
  const codings: (string | undefined)[] = [];
  const bodies: string[] = [];
  let takesGzip = true;
  const server = createServer(async (request, response) => {
    const bytes = await buffer(request);
    const coding = request.headers["content-encoding"];
    codings.push(coding);
    if (coding === "gzip" && !takesGzip) return void response.writeHead(415).end();
    bodies.push((coding === "gzip" ? gunzipSync(bytes) : bytes).toString());
    response.end();
  });
  const url = `http://127.0.0.1:${await listening(t, server)}`;
  const { delivery, take, said } = httpOutput({ url, compressUploads: true });
  take("a");
  await until("it is delivered", () => delivery.counts().delivered === 1);
  takesGzip = false;
  take("b", "c");
  assert.equal((await delivery.close(60_000)).delivered, 3);
  assert.deepEqual(codings, ["gzip", "gzip", undefined, undefined]);
  assert.deepEqual(
    bodies.map((body) => JSON.parse(body).rule as string),
    ["a", "b", "c"],
  );
  assert.match(said.join(), /does not take compressed bodies: it gets them uncompressed/);
});

test("http_output waits until the date that a server names", async (t) => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  const past = new Date(0).toUTCString();
  const at = [inAnHour, past, "soon"].map((when) => status(503, { "retry-after": when }));
  const { url } = await scripted(t, ...at);
  const client = new HttpClient({ ...OFF.http, url });
  const waits: (number | undefined)[] = [];
  for (const _ of at) {
    const answer = await client.post("", {}, AbortSignal.timeout(60_000));
    waits.push(answerOf(answer, 1).waitMs);
  }
  await client.close();
  const [wait = 0, ...none] = waits;
  // The header has whole seconds; the wait is what is left when the answer is read.
  assert.ok(wait > 3_500_000 && wait <= 3_600_000, String(wait));
  assert.deepEqual(none, [undefined, undefined]);
});

test("http_output tries 429, 5xx, resets and half answers again, in order", async (t) => {
  const { url, requests } = await scripted(
    t,
    status(429, { "retry-after": "0" }),
    status(503),
    (response) => response.socket?.resetAndDestroy(),
    (response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setImmediate(() => response.socket?.destroy());
    },
  );
  const { delivery, take, said } = httpOutput({ url });
  take("a", "b");
  await until("both are delivered", () => delivery.counts().delivered === 2);
  assert.deepEqual(
    requests.map(({ body }) => JSON.parse(body).rule),
    ["a", "a", "a", "a", "a", "b"],
  );
  assert.equal(said.length, 2);
  assert.match(said[0] ?? "", /^Cannot write to http:\/\/127.0.0.1:\d+\/alerts: it answers 429/);
  assert.doesNotMatch(said.join(" "), /secret/);
  await delivery.close();
});

test("http_output gives up what is refused for good, and redirects", async (t) => {
  const { url } = await scripted(t, status(400), status(301, { location: "http://other/" }));
  const { delivery, take } = httpOutput({ url });
  take("a", "b", "c");
  await until("all are settled", () => delivery.counts().waiting === 0);
  const { delivered, refused } = await delivery.close();
  assert.deepEqual([delivered, refused], [1, { "it answers 400": 1, "it answers 301": 1 }]);
});

test("http_output tries a server that hangs again, and waits as long as it asks", async (t) => {
  const { url, requests } = await scripted(t, () => {}, status(503, { "retry-after": "3600" }));
  const { delivery, take, said } = httpOutput({ url, echo: true }, { abortMs: 100 });
  take("a");
  // The server has answered when its answer was read, not when it was asked.
  await until("its answer is told", () => said.length === 2);
  assert.equal(requests.length, 2);
  assert.match(said[0] ?? "", /it does not answer/);
  // The end does not wait an hour: one more try.
  assert.equal((await delivery.close(60_000)).delivered, 1);
});

test("http_output reports at the start what is no URL, and at the first alert a closed port", async () => {
  for (const [url, reason] of [
    ["file:///etc/passwd", /it is no URL of http or https/],
    ["non sense", /http_output.url: it is no URL/],
    ["http://127.0.0.1:1/", /nobody listens there \(ECONNREFUSED\)/],
  ] as const) {
    const { delivery, take, said } = httpOutput({ url });
    await delivery.check();
    take("a");
    await until("it is reported", () => said.length === 1);
    const { dropped } = await delivery.close();
    assert.match(said[0] ?? "", reason);
    assert.deepEqual(Object.values(dropped), [1]);
  }
});

test(
  "http_output verifies the server, and shows its own certificate with mtls",
  { skip: spawnSync("openssl", ["version"]).error !== undefined && "needs openssl" },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "saker-http-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = (name: string): string => join(folder, name);
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout ${file("key")} -out ${file("cert")}`.split(
        " ",
      ),
      { stdio: "ignore" },
    );
    const [key, cert] = [readFileSync(file("key")), readFileSync(file("cert"))];
    const subjects: unknown[] = [];
    const server = createTlsServer(
      { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const socket = request.socket as typeof request.socket & { authorized?: boolean };
        subjects.push(socket.authorized);
        request.resume();
        response.end();
      },
    );
    const url = `https://127.0.0.1:${await listening(t, server)}/`;
    const distrustful = httpOutput({ url });
    distrustful.take("a");
    await until("it is reported", () => distrustful.said.length === 1);
    assert.match(distrustful.said[0] ?? "", /self-signed certificate/);
    await distrustful.delivery.close();
    for (const options of [
      { insecure: true },
      { caCert: file("cert") },
      { caBundle: file("cert") },
    ]) {
      const { delivery, take } = httpOutput({ url, ...options });
      take("a");
      assert.equal((await delivery.close(60_000)).delivered, 1);
    }
    const mutual = { caPath: folder, caCert: file("cert"), mtls: true, clientCert: file("cert") };
    const { delivery, take } = httpOutput({ url, ...mutual, clientKey: file("key") });
    take("a");
    assert.equal((await delivery.close(60_000)).delivered, 1);
    assert.deepEqual(subjects, [false, false, false, true]);
    const missing = httpOutput({ url, caCert: file("nothing") });
    await missing.delivery.check();
    await missing.delivery.close();
    assert.match(missing.said[0] ?? "", /ENOENT.*nothing/);
  },
);
