import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { openDatagram } from "./datagram.ts";
import { openNamespace } from "./network-namespace.ts";

const skip = process.getuid?.() === 0 ? false : "needs root to enter a namespace";

test(
  "openDatagram talks through a socket that was born in a namespace, and tells when nobody listens",
  { skip },
  async () => {
    const peer = createSocket("udp4");
    await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
    peer.on("message", (message, from) => peer.send(message, from.port, from.address));
    const namespace = openNamespace(process.pid);
    const door = await openDatagram(namespace, "127.0.0.1", peer.address().port);
    namespace.close();
    door.send(Uint8Array.of(1, 2));
    assert.deepEqual(await door.receive(2000), Buffer.of(1, 2));
    assert.equal(await door.receive(20), "silent");
    await new Promise<void>((resolve) => peer.close(() => resolve()));
    door.send(Uint8Array.of(3));
    assert.equal(await door.receive(2000), "refused");
    door.close();
  },
);

test("openDatagram to an address that no socket may be connected to is refused, and takes words", async () => {
  // connect(2) to the broadcast address needs SO_BROADCAST (ip(7)).
  const door = await openDatagram(undefined, "255.255.255.255", 9);
  door.send(Uint8Array.of(1));
  assert.equal(await door.receive(2000), "refused");
  door.close();
});
