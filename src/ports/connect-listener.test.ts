import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { addressesOf, connectToListener } from "./connect-listener.ts";
import { type Listener, listListeners } from "./listeners.ts";
import { type NetworkNamespace, openNamespace } from "./network-namespace.ts";

function at(address: string, more: { readonly isIpv6Only?: boolean } = {}) {
  return { address, port: 443, ...more };
}

test("addressesOf() reaches a listener on all addresses by loopback", () => {
  assert.deepEqual(
    [addressesOf(at("0.0.0.0"), []), addressesOf(at("::"), []), addressesOf(at("10.0.0.7"), [])],
    [["127.0.0.1"], ["127.0.0.1", "::1"], ["10.0.0.7"]],
  );
});

test("addressesOf() leaves out what another listener of the same port takes", () => {
  const others = [at("127.0.0.1"), at("127.0.0.2"), { address: "127.0.0.3", port: 80 }];
  assert.deepEqual(addressesOf(at("0.0.0.0"), others), ["127.0.0.3"]);
  assert.deepEqual(addressesOf(at("::", { isIpv6Only: false }), others), ["127.0.0.3", "::1"]);
  assert.deepEqual(addressesOf(at("::", { isIpv6Only: true }), []), ["::1"]);
  assert.deepEqual(addressesOf(at("::"), [at("0.0.0.0"), at("::1")]), []);
});

for (const host of ["::", "0.0.0.0", "127.0.0.1"]) {
  test(`connectToListener() reaches a server on ${host}`, async (t) => {
    const server = await listening(host);
    t.after(() => server.close());
    const namespace = openNamespace(process.pid);
    t.after(() => namespace.close());
    const { port } = server.address() as { port: number };
    const addresses = addressesOf({ address: host, port }, listListeners(namespace));
    (await connectToListener(namespace, addresses, port, {})).destroy();
  });
}

test("connectToListener() tries IPv6 where IPv4 refuses", async (t) => {
  const server = await listening("::1").catch(() => undefined);
  if (server === undefined) return t.skip("needs IPv6 on loopback");
  t.after(() => server.close());
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  const { port } = server.address() as { port: number };
  (await connectToListener(namespace, ["127.0.0.1", "::1"], port, {})).destroy();
});

test("connectToListener() says what the address answers that is there", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const [there, absent] = ["127.0.0.1", "203.0.113.1"];
  for (const addresses of [
    [there, absent],
    [absent, there],
  ])
    await assert.rejects(connectToListener(namespace, addresses, 443, {}), {
      code: "PEER_ECONNREFUSED",
      message: 'Cannot connect to "127.0.0.1:443": ECONNREFUSED',
    });
});

test("connectToListener() reaches each of several programs on one port, and no other", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  await inside.run(`const open = (host, ipv6Only) => new Promise((up) =>
    require("node:net").createServer((socket) => socket.end(host))
      .listen({ port: 443, host, ipv6Only }, up));
    open("::", true).then(() => open("0.0.0.0")).then(() => console.log("up"))`);
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const sockets = listListeners(namespace);
  assert.deepEqual(sockets.map(({ address }) => address).toSorted(), ["0.0.0.0", "::"]);
  for (const socket of sockets)
    assert.equal(await greetingOf(namespace, socket, sockets), socket.address);
});

async function greetingOf(
  namespace: NetworkNamespace,
  socket: Listener,
  sockets: readonly Listener[],
): Promise<string> {
  const addresses = addressesOf(socket, sockets);
  const connection = await connectToListener(namespace, addresses, socket.port, {});
  const parts: Buffer[] = [];
  for await (const part of connection) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function listening(host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end()).listen({ host, port: 0 }, () =>
      resolve(server),
    );
    server.once("error", reject);
  });
}
