import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { dockerHttp } from "./docker-http.ts";

test("dockerHttp names what is wrong with the address", () => {
  assert.throws(() => dockerHttp("ssh://host", 100), {
    code: "CONFIG_DOCKER_HOST",
    message: `Cannot use "ssh://host" as Docker's address: neither unix:// nor tcp://`,
  });
});

test("dockerHttp get says why there is no answer", async (t) => {
  const missing = dockerHttp("unix:///tmp/saker-no-such.sock", 100);
  await assert.rejects(missing.get("/_ping", 100), {
    code: "PEER_DOCKER_UNREACHABLE",
    message: 'Cannot reach Docker at "unix:///tmp/saker-no-such.sock": no such socket',
  });
  const endpoint = await serve(t, (request, response) => {
    if (request.url === "/long") response.end("x".repeat(101));
    else if (request.url === "/odd") response.end("<html>");
    else if (request.url === "/none")
      response.writeHead(404).end('{"message":"No such container: none"}');
    else if (request.url === "/bad") response.writeHead(500).end("oops");
    else if (request.url === "/cut")
      response.writeHead(200, { "content-length": 50 }).write("x", () => response.destroy());
  });
  const http = dockerHttp(endpoint, 100);
  const cases: [string, string, string][] = [
    ["/long", "PEER_DOCKER_ANSWER", `Cannot read "/long" from ${endpoint}: longer than 100 bytes`],
    ["/odd", "PEER_DOCKER_ANSWER", `Cannot read "/odd" from ${endpoint}: not JSON`],
    [
      "/none",
      "PEER_DOCKER_NOT_FOUND",
      `Cannot read "/none" from ${endpoint}: No such container: none`,
    ],
    ["/bad", "PEER_DOCKER_STATUS", `Cannot read "/bad" from ${endpoint}: status 500`],
    ["/cut", "PEER_DOCKER_ANSWER", `Cannot read "/cut" from ${endpoint}: the connection broke off`],
    ["/silent", "PEER_DOCKER_TIMEOUT", `Cannot ask Docker at "${endpoint}": no answer in time`],
  ];
  for (const [path, code, message] of cases)
    await assert.rejects(http.get(path, 100), { name: "AppError", code, message });
});

test("dockerHttp follow reads lines split anywhere, leaves out what is not JSON, and ends with its signal", async (t) => {
  const endpoint = await serve(t, async (_, response) => {
    for (const part of ['{"a":', "1}\nnot JSON\n", '{"b":"ä', '"}\n{"c":3}\n']) {
      response.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  const stop = new AbortController();
  const lines: unknown[] = [];
  let opened = 0;
  const onLine = (line: unknown): void => {
    lines.push(line);
    if (lines.length === 3) stop.abort();
  };
  await dockerHttp(endpoint, 1000).follow("/events", {
    signal: stop.signal,
    opened: () => (opened += 1),
    onLine,
  });
  assert.deepEqual([opened, lines], [1, [{ a: 1 }, { b: "ä" }, { c: 3 }]]);
});

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
