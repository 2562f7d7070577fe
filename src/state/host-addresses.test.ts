import assert from "node:assert/strict";
import { test } from "node:test";
import { HostAddresses } from "./host-addresses.ts";

const netmask = Uint8Array.of(255, 255, 255, 0);
const interfaces = [
  { name: "lo", address: Uint8Array.of(127, 0, 0, 1), netmask: Uint8Array.of(255, 0, 0, 0) },
  { name: "eth0", address: Uint8Array.of(10, 0, 0, 5), netmask },
  { name: "eth1", address: Uint8Array.of(10, 0, 1, 5), netmask },
  { name: "eth0", address: new Uint8Array(16).fill(1), netmask: new Uint8Array(16).fill(255) },
];
const addresses = new HostAddresses(interfaces);

test("HostAddresses.towards() is the interface in the peer's network, else one that is no loopback", () => {
  const towards = (...peer: number[]): string | undefined =>
    addresses.towards(Uint8Array.from(peer))?.join(".");
  assert.deepEqual(
    [
      towards(10, 0, 1, 9),
      towards(127, 3, 3, 3),
      towards(8, 8, 8, 8),
      towards(0, 0, 0, 0),
      towards(),
    ],
    ["10.0.1.5", "127.0.0.1", "10.0.0.5", undefined, undefined],
  );
});

test("HostAddresses.isLocal() is true for its own, and of IPv6 for none where it has one", () => {
  assert.deepEqual(
    [Uint8Array.of(10, 0, 1, 5), Uint8Array.of(10, 0, 1, 6), new Uint8Array(16)].map((address) =>
      addresses.isLocal(address),
    ),
    [true, false, true],
  );
});
