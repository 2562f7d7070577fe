import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { freePort } from "../../test/fixtures/free-port.ts";
import { openSite } from "../../test/fixtures/site.ts";
import { newToken } from "../web/token.ts";
import { listenerAt } from "./page-proof.ts";

test("listenerAt() knows the server that has the token", async () => {
  const site = await openSite();
  try {
    const page = new URL("/login?once=word", site.url);
    assert.equal(await listenerAt(page, site.token), "ours");
    assert.equal(await listenerAt(page, newToken()), "other");
  } finally {
    await site.close();
  }
});

test("listenerAt() does not believe who passes the question on to a server at another port", async () => {
  const site = await openSite();
  const relay = createServer((request, response) => {
    void site
      .get(request.url ?? "/")
      .then(async (answer) => response.end(await answer.text()))
      .catch(() => response.destroy());
  });
  try {
    assert.equal(await listenerAt(await urlOf(relay), site.token), "other");
  } finally {
    relay.close();
    await site.close();
  }
});

const STRANGERS: Readonly<Record<string, Server>> = {
  "answers at length": createServer((_request, response) => response.end("x".repeat(100_000))),
  "answers with other JSON": createServer((_request, response) => response.end('{"proof":1}')),
  "ends at once": createTcpServer((socket) => socket.destroy()),
  "says nothing": createTcpServer((socket) => socket.on("error", () => undefined)),
};
for (const [name, server] of Object.entries(STRANGERS))
  test(`listenerAt() tells a stranger who ${name}`, async () => {
    try {
      assert.equal(await listenerAt(await urlOf(server), newToken()), "other");
    } finally {
      server.close();
    }
  });

test("listenerAt() tells when nobody listens", async () => {
  assert.equal(await listenerAt(new URL(`http://127.0.0.1:${await freePort()}`), "t"), "nobody");
});

async function urlOf(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
