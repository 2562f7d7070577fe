import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnConnections } from "./own-connections.ts";

const made = { namespace: 7, ownAddress: "127.0.0.1", ownPort: 40_000, peerPort: 80 };

test("OwnConnections.has() knows a connection by namespace and both ends, for a while", () => {
  let now = 0;
  const own = new OwnConnections(() => now);
  own.add(made);
  assert.equal(own.has(made), true);
  assert.equal(own.has({ ...made, ownAddress: "::ffff:127.0.0.1" }), true);
  // Somebody outside may choose the same port.
  const outside = { ownAddress: "192.0.2.7" };
  for (const other of [outside, { namespace: 8 }, { ownPort: 40_001 }, { peerPort: 81 }])
    assert.equal(own.has({ ...made, ...other }), false);
  now = 61_000;
  assert.equal(own.has(made), false);
});

test("OwnConnections keeps a bounded number of them, the newest", () => {
  const own = new OwnConnections(() => 0);
  for (let port = 0; port < 70_000; port += 1) own.add({ ...made, namespace: port });
  assert.equal(own.has({ ...made, namespace: 69_999 }), true);
  assert.equal(own.has({ ...made, namespace: 0 }), false);
});
