import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { AppError } from "../lib/errors.ts";
import {
  type Listener,
  listListeners,
  listListenersOfProcess,
  listListenersOn,
  listUdpPorts,
  parseDump,
  parseProcNetTcp,
} from "./listeners.ts";
import { openNamespace } from "./network-namespace.ts";
import { scanListeners } from "./inventory-scan.ts";
import { cgroupPathOf, ownersOf } from "./socket-owners.ts";

test("parseProcNetTcp reads addresses of both families and leaves out what does not listen", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 31338 1 0000000000000000 100 0 0 10 0
`;
  assert.deepEqual(parseProcNetTcp(text), [
    { address: "127.0.0.1", port: 8080, family: 4, inode: 31337, uid: 1000 },
  ]);
  const six =
    "   0: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0";
  assert.deepEqual(parseProcNetTcp(six), [
    { address: "2001:db8::1", port: 443, family: 6, inode: 7, uid: 0 },
  ]);
});

test("parseDump throws nothing but AppError on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        parseDump(bytes, []);
      } catch (error) {
        assert.ok(error instanceof AppError);
      }
    }),
  );
});

test("listListeners finds our own server by sock_diag and by /proc alike", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  const ours = (list: Listener[]): Listener[] => list.filter((listener) => listener.port === port);
  const found = ours(listListeners(namespace));
  assert.equal(found.length, 1);
  assert.deepEqual(
    { ...found[0], inode: 0 },
    { address: "127.0.0.1", port, family: 4, inode: 0, uid: process.getuid?.() },
  );
  assert.deepEqual(ours(listListenersOfProcess(process.pid)), found);
  const inode = found[0]?.inode ?? 0;
  assert.equal((await ownersOf([inode, 1])).get(inode)?.pid, process.pid);
});

test("scanListeners finds a listener in a foreign namespace with its owner", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  const { pid } = await inside.run(
    'require("node:net").createServer().listen(8443, "::", () => console.log("up"))',
  );
  const scan = await scanListeners();
  const found = scan.listeners.filter((listener) => listener.owner.pid === pid);
  assert.equal(found.length, 1, JSON.stringify(scan));
  const { address, port, family, owner, pid: member } = found[0] ?? assert.fail();
  assert.deepEqual(
    { address, port, family, member },
    { address: "::", port: 8443, family: 6, member: pid },
  );
  assert.equal(owner.exe, process.execPath);
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  assert.equal(found[0]?.namespace, namespace.inode);
});

test("listListeners gives an IPv6 socket on an IPv4 address that address, by sock_diag and by /proc", async (t) => {
  const server = createServer();
  // As Java binds every address.
  await new Promise<void>((resolve) => server.listen(0, "::ffff:127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  for (const list of [listListeners(namespace), listListenersOfProcess(process.pid)]) {
    const found = list.filter((listener) => listener.port === port);
    assert.deepEqual(
      found.map(({ address, family }) => [address, family]),
      [["127.0.0.1", 4]],
    );
  }
});

test("listListeners says which socket on :: takes no IPv4, listListenersOn what is on a port", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  await inside.run(`const open = (port, ipv6Only) => new Promise((up) =>
    require("node:net").createServer().listen({ port, host: "::", ipv6Only }, up));
    open(1, true).then(() => open(2, false)).then(() => console.log("up"))`);
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const found = listListeners(namespace).map(({ port, isIpv6Only }) => `${port} ${isIpv6Only}`);
  assert.deepEqual(found.toSorted(), ["1 true", "2 false"]);
  for (const port of [1, 2])
    assert.deepEqual(
      listListenersOn(namespace, port).map((one) => one.port),
      [port],
    );
  assert.deepEqual(listListenersOn(namespace, 3), []);
});

test("cgroupPathOf prefers v2 below its root, else v1 pids", () => {
  const cases: [string, string][] = [
    ["0::/system.slice/docker-1.scope\n", "/system.slice/docker-1.scope"],
    ["9:name=systemd:/a\n8:pids:/docker/x\n0::/\n", "/docker/x"],
    ["8:pids:/docker/x\n0::/docker/y\n", "/docker/y"],
    ["4:cpu,pids:/z\n", "/z"],
    ["", "/"],
  ];
  for (const [text, path] of cases) assert.equal(cgroupPathOf(text), path);
});

test("listUdpPorts finds sockets that are bound, not those that have a peer", async (t) => {
  const [bound, connected] = [createSocket("udp4"), createSocket("udp6")];
  t.after(() => bound.close());
  t.after(() => connected.close());
  await new Promise<void>((resolve) => bound.bind({ address: "127.0.0.1" }, resolve));
  const { port } = bound.address();
  await new Promise<void>((resolve) => connected.connect(port, "::1", resolve));
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  const ports = listUdpPorts(namespace);
  assert.ok(ports.has(port));
  assert.ok(!ports.has(connected.address().port));
  assert.ok(!listListeners(namespace).some((listener) => listener.port === port));
});
