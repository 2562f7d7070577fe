import assert from "node:assert/strict";
import { test } from "node:test";
import { event, type ParamValues } from "../../test/fixtures/records.ts";
import type { DescriptorValues } from "../events/encode.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { descriptorOf } from "./descriptor.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const tcp4 = { kind: "4", family: 2, protocol: 6 };

test("descriptorOf() gives an open its lexical path, joined with what the kernel said of the directory", () => {
  const open = event(
    "openat",
    { fd: 3, dirfd: 5, name: "../x/./y", flags: 1 },
    { directory: "/srv/data" },
  );
  const descriptor = descriptorOf(open, "/elsewhere/");
  assert.deepEqual(
    [descriptor?.name, descriptor?.rawName, descriptor?.kind, descriptor?.number],
    ["/srv/x/y", "../x/./y", "f", 3],
  );
});

test("descriptorOf() gives a listening socket its server's end alone", () => {
  const listen = event(
    "listen",
    { res: 0, fd: 3, backlog: 5 },
    { descriptor: { ...tcp4, state: 10, local: end("0.0.0.0", 80), remote: end("0.0.0.0", 0) } },
  );
  const descriptor = descriptorOf(listen, "/");
  assert.deepEqual(
    [
      descriptor?.name,
      descriptor?.server?.port,
      descriptor?.client,
      descriptor?.isServer,
      descriptor?.protocol,
    ],
    ["0.0.0.0:80", 80, undefined, true, "tcp"],
  );
});

test("descriptorOf() names a connection client first, whichever end is ours", () => {
  const ends = { local: end("10.0.0.1", 40000), remote: end("10.0.0.2", 443) };
  const connect = descriptorOf(
    event("connect", { res: 0, fd: 3 }, { descriptor: { ...tcp4, state: 1, ...ends } }),
    "/",
  );
  assert.deepEqual(
    [connect?.name, connect?.isServer, connect?.connected],
    ["10.0.0.1:40000->10.0.0.2:443", false, true],
  );
  const served = { local: ends.remote, remote: ends.local };
  const accept = descriptorOf(
    event("accept4", { fd: 4 }, { descriptor: { ...tcp4, state: 1, ...served } }),
    "/",
  );
  assert.deepEqual([accept?.name, accept?.isServer], ["10.0.0.1:40000->10.0.0.2:443", true]);
});

test("descriptorOf() takes IPv4 inside IPv6 for IPv4", () => {
  const ends = { local: end("::ffff:10.0.0.1", 80), remote: end("::ffff:10.0.0.2", 50000) };
  const accept = descriptorOf(
    event(
      "accept4",
      { fd: 4 },
      { descriptor: { kind: "6", family: 10, protocol: 6, state: 1, ...ends } },
    ),
    "/",
  );
  assert.deepEqual([accept?.kind, accept?.name], ["4", "10.0.0.2:50000->10.0.0.1:80"]);
});

test("descriptorOf() finds a duplicated socket's role by its ports", () => {
  const ends = { local: end("10.0.0.1", 40000), remote: end("10.0.0.2", 4444) };
  const dup = descriptorOf(
    event("dup2", { res: 0, oldfd: 3, newfd: 0 }, { descriptor: { ...tcp4, state: 1, ...ends } }),
    "/",
  );
  assert.deepEqual([dup?.number, dup?.server?.port, dup?.isServer], [0, 4444, false]);
});

test("descriptorOf() takes for a server who listens there, on whatever port", () => {
  const ends = { local: end("10.0.0.1", 50051), remote: end("10.0.0.2", 40000) };
  const read = event("recvfrom", { res: 1, fd: 3 }, { descriptor: { ...tcp4, state: 1, ...ends } });
  const seen = (isListening?: (port: number) => boolean) => {
    const found = descriptorOf(read, "/", isListening);
    return [found?.name, found?.server?.port, found?.isServer];
  };
  assert.deepEqual(
    seen((port) => port === 50051),
    ["10.0.0.2:40000->10.0.0.1:50051", 50051, true],
  );
  assert.deepEqual(seen(), ["10.0.0.1:50051->10.0.0.2:40000", 40000, false]);
});

test("descriptorOf() is undefined for calls without a descriptor", () => {
  assert.equal(
    descriptorOf(event("unlinkat", { res: 0, dirfd: -100, name: "x" }), "/")?.name,
    undefined,
  );
});

test("descriptorOf() takes the peer of a message from its tuple where the socket has none of its own", () => {
  const tuple = (source: readonly number[], destination: readonly number[]) =>
    new Uint8Array([2, ...source, ...destination]);
  const [ours, dns] = [
    [0, 0, 0, 0, 0x40, 0x9c],
    [8, 8, 8, 8, 53, 0],
  ];
  const udp4 = {
    kind: "4",
    family: 2,
    protocol: 17,
    state: 7,
    local: end("0.0.0.0", 40000),
    remote: end("0.0.0.0", 0),
  };
  const told = (name: string, params: ParamValues, descriptor: DescriptorValues = udp4) => {
    const found = descriptorOf(event(name, { fd: 3, ...params }, { descriptor }), "/");
    return [found?.name, found?.isServer, found?.connected, found?.nameChanged];
  };
  assert.deepEqual(told("sendto", { res: 5, tuple: tuple(ours, dns) }), [
    "0.0.0.0:40000->8.8.8.8:53",
    false,
    false,
    true,
  ]);
  assert.deepEqual(told("recvfrom", { res: 5, tuple: tuple(dns, ours) }), [
    "0.0.0.0:40000->8.8.8.8:53",
    false,
    false,
    true,
  ]);
  const [server, client] = [
    [127, 0, 0, 1, 0x40, 0x9c],
    [127, 0, 0, 1, 0x41, 0x9c],
  ];
  assert.deepEqual(
    told("recvfrom", { res: 5, tuple: tuple(client, server) }),
    ["127.0.0.1:40001->127.0.0.1:40000", true, false, true],
    "ports of one range",
  );
  assert.deepEqual(told("sendto", { res: 5 }), ["0.0.0.0:40000", true, false, false], "no tuple");
  const connected = { ...udp4, state: 1, remote: end("9.9.9.9", 53) };
  assert.deepEqual(
    told("sendto", { res: 5, tuple: tuple(ours, dns) }, connected),
    ["0.0.0.0:40000->9.9.9.9:53", false, true, false],
    "a peer of its own",
  );
});

// draios/sysdig#691: such a message is IPv4's.
test("descriptorOf() takes a message from an unset IPv6 end to an IPv4 address for IPv4", () => {
  const unset = new Uint8Array(16);
  const mapped = end("::ffff:10.0.0.2", 53).address;
  const tuple = new Uint8Array([10, ...unset, 0x40, 0x9c, ...mapped, 53, 0]);
  const socket = { address: unset, port: 0 };
  const found = descriptorOf(
    event(
      "sendto",
      { fd: 3, res: 5, tuple },
      {
        descriptor: {
          kind: "6",
          family: 10,
          protocol: 17,
          state: 7,
          local: { ...socket, port: 40000 },
          remote: socket,
        },
      },
    ),
    "/",
  );
  assert.deepEqual([found?.kind, found?.name], ["4", "0.0.0.0:40000->10.0.0.2:53"]);
});

test("descriptorOf() leaves a socket as it was when its connect failed", () => {
  const ends = { local: end("0.0.0.0", 54846), remote: end("127.0.0.1", 0) };
  const told = (res: number) =>
    descriptorOf(
      event("connect", { res, fd: 3 }, { descriptor: { ...tcp4, state: 7, ...ends } }),
      "/",
    );
  const [refused, underWay] = [told(-111), told(-115)];
  assert.deepEqual(
    [refused?.name, refused?.server, refused?.kind, refused?.nameChanged],
    ["", undefined, "4", false],
  );
  assert.equal(underWay?.nameChanged, true);
});
