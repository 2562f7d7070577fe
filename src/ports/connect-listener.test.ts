import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { addressesOf, connectToListener } from "./connect-listener.ts";
import { openNamespace } from "./network-namespace.ts";

test("addressesOf() reaches a listener on all addresses by loopback", () => {
  assert.deepEqual(
    [addressesOf("0.0.0.0"), addressesOf("::"), addressesOf("10.0.0.7")],
    [["127.0.0.1"], ["127.0.0.1", "::1"], ["10.0.0.7"]],
  );
});

for (const host of ["::", "0.0.0.0", "127.0.0.1"]) {
  test(`connectToListener() reaches a server on ${host}`, async (t) => {
    const server = await listening(host);
    t.after(() => server.close());
    const namespace = openNamespace(process.pid);
    t.after(() => namespace.close());
    const socket = await connectToListener(
      namespace,
      host,
      (server.address() as { port: number }).port,
      {},
    );
    socket.destroy();
  });
}

test("connectToListener() tries IPv6 where IPv4 refuses", async (t) => {
  const server = await listening("::1").catch(() => undefined);
  if (server === undefined) return t.skip("needs IPv6 on loopback");
  t.after(() => server.close());
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  (
    await connectToListener(namespace, "::", (server.address() as { port: number }).port, {})
  ).destroy();
});

function listening(host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end()).listen({ host, port: 0 }, () =>
      resolve(server),
    );
    server.once("error", reject);
  });
}
