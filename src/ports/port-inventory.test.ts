import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ContainerMetadata } from "../containers/container.ts";
import { exposureOf } from "./exposure.ts";
import { CONTAINER_PORTS_MAX, PortInventory, type PortOpening } from "./port-inventory.ts";

const WEB = { namespace: 10, address: "0.0.0.0", port: 80, container: "web", at: 1 };

test("PortInventory reports a port once, until its last socket closes", () => {
  const inventory = new PortInventory();
  assert.equal(inventory.opened({ ...WEB, socket: 1n }), "news");
  assert.equal(inventory.opened({ ...WEB, socket: 2n }), "known");
  assert.equal(inventory.opened({ ...WEB, socket: 3n }), "known");
  assert.deepEqual(inventory.list(), [
    {
      namespace: 10,
      address: "0.0.0.0",
      port: 80,
      container: "web",
      process: undefined,
      openedAt: 1,
    },
  ]);
  for (const socket of [1n, 3n]) assert.equal(inventory.closed({ ...WEB, socket }), undefined);
  assert.equal(inventory.closed({ ...WEB, socket: 2n })?.port, 80);
  assert.equal(inventory.size, 0);
  assert.equal(inventory.opened({ ...WEB, socket: 2n }), "news");
});

test("PortInventory keeps apart containers, namespaces, numbers, addresses and programs", () => {
  const inventory = new PortInventory();
  const others: PortOpening[] = [
    WEB,
    { ...WEB, container: "api" },
    { ...WEB, container: undefined },
    { ...WEB, port: 81 },
    { ...WEB, namespace: 11 },
    { ...WEB, address: "127.0.0.1" },
    { ...WEB, process: { pid: 1, comm: "nc", exepath: "/bin/nc" } },
    { ...WEB, process: { pid: 1, comm: "nc", exepath: "/bin/nc", args: ["-l"] } },
  ];
  for (const opening of others) assert.equal(inventory.opened(opening), "news");
  for (const opening of others) assert.equal(inventory.opened(opening), "known");
  assert.deepEqual(
    inventory.containerGone("web").map((port) => port.port),
    [80, 81, 80, 80, 80, 80],
  );
  assert.equal(inventory.size, 2);
});

test("PortInventory takes an alert, a find and a notice of one socket as one, in any order", () => {
  const told: PortOpening[] = [WEB, { ...WEB, socket: "inode:5" }, { ...WEB, socket: 5n }];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]) {
    const inventory = new PortInventory();
    const answers = order.map((index) => inventory.opened(told[index] ?? assert.fail()));
    assert.deepEqual(answers, ["news", "known", "known"], String(order));
    assert.equal(inventory.closed({ ...WEB, socket: 5n })?.container, "web", String(order));
  }
});

test("PortInventory closes a found socket by its place", () => {
  const inventory = new PortInventory();
  inventory.opened({ ...WEB, socket: "inode:5" });
  inventory.opened({ ...WEB, socket: "inode:6" });
  assert.equal(
    inventory.closed({ namespace: 10, address: "127.0.0.1", port: 80, socket: 9n }),
    undefined,
  );
  assert.equal(
    inventory.closed({ namespace: 10, address: "0.0.0.0", port: 80, socket: 9n }),
    undefined,
  );
  assert.equal(
    inventory.closed({ namespace: 10, address: "0.0.0.0", port: 80, socket: 8n })?.port,
    80,
  );
});

test("PortInventory reconcile closes what no longer listens there", () => {
  const inventory = new PortInventory();
  for (const opening of [WEB, { ...WEB, port: 81 }, { ...WEB, namespace: 11, port: 81 }])
    inventory.opened(opening);
  assert.deepEqual(
    inventory.reconcile(10, [{ address: "0.0.0.0", port: 80 }]).map((port) => port.port),
    [81],
  );
  assert.equal(inventory.size, 2);
});

test("PortInventory counts what one container has beyond its bound, and still takes others", () => {
  const inventory = new PortInventory();
  for (let port = 0; port < CONTAINER_PORTS_MAX + 5; port += 1) inventory.opened({ ...WEB, port });
  assert.deepEqual([inventory.size, inventory.dropped], [CONTAINER_PORTS_MAX, 5]);
  assert.equal(inventory.opened({ ...WEB, container: "api" }), "news");
});

test("PortInventory.sockets() are those of a namespace whose inodes are known", () => {
  const inventory = new PortInventory();
  inventory.opened({ ...WEB, socket: 1n, inode: 11 });
  inventory.opened({ ...WEB, socket: 2n });
  inventory.opened({ ...WEB, namespace: 11, socket: 3n, inode: 33 });
  assert.deepEqual(
    inventory.sockets(10).map(({ socket, inode }) => [socket, inode]),
    [[1n, 11]],
  );
});

test("PortInventory.listenerOf() finds who listens there, or at all addresses", () => {
  const inventory = new PortInventory();
  inventory.opened({ ...WEB, socket: 1n });
  inventory.opened({ ...WEB, address: "127.0.0.1", socket: 2n });
  const at = (address: string, container = "web") =>
    inventory.listenerOf({ ...WEB, address, container })?.address;
  assert.deepEqual(
    [at("127.0.0.1"), at("172.17.0.2"), at("127.0.0.1", "api")],
    ["127.0.0.1", "0.0.0.0", undefined],
  );
});

test("PortInventory agrees with a plain set of sockets on any history", () => {
  const step = fc.record({ opens: fc.boolean(), socket: fc.bigInt({ min: 0n, max: 7n }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const inventory = new PortInventory();
      const open = new Set<bigint>();
      // Sockets 0–3 are workers of port 80, 4–7 of port 81.
      const isOpen = (port: number): boolean =>
        [...open].some((socket) => (socket < 4n ? 80 : 81) === port);
      for (const { opens, socket } of steps) {
        const opening = { ...WEB, port: socket < 4n ? 80 : 81, socket };
        const before = isOpen(opening.port);
        if (opens) open.add(socket);
        else open.delete(socket);
        if (opens) assert.equal(inventory.opened(opening), before ? "known" : "news");
        else assert.equal(inventory.closed(opening) !== undefined, before && !isOpen(opening.port));
      }
      assert.equal(inventory.size, Number(isOpen(80)) + Number(isOpen(81)));
    }),
  );
});

test("exposureOf says from where a port is reached", () => {
  const port = {
    namespace: 10,
    port: 80,
    addresses: ["0.0.0.0"],
    container: "web",
    process: undefined,
    openedAt: 1,
  };
  const metadata = {
    ports: [
      { port: 80, protocol: "udp" },
      { port: 80, protocol: "tcp", published: { address: "0.0.0.0", port: 8080 } },
    ],
  } as unknown as ContainerMetadata;
  assert.deepEqual(exposureOf(port, { onHostNetwork: false, metadata }), {
    kind: "published",
    at: [{ address: "0.0.0.0", port: 8080 }],
  });
  assert.deepEqual(exposureOf(port, { onHostNetwork: false }), { kind: "internal" });
  assert.deepEqual(exposureOf(port, { onHostNetwork: true }), { kind: "host" });
  for (const addresses of [["127.0.0.1"], ["127.0.0.53", "::1"], ["::ffff:127.0.0.1"]]) {
    assert.deepEqual(exposureOf({ ...port, addresses }, { onHostNetwork: false, metadata }), {
      kind: "loopback",
    });
  }
});
