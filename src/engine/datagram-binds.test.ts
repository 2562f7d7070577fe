import assert from "node:assert/strict";
import { test } from "node:test";
import { DatagramBinds } from "./datagram-binds.ts";

const place = { namespace: 7, address: "0.0.0.0", port: 53, container: "c1" };

test("DatagramBinds.alert() says a bind once a minute, for each rule and place", () => {
  let now = 0;
  const binds = new DatagramBinds(() => now);
  assert.deepEqual(
    [
      binds.alert("R", place),
      binds.alert("R", place),
      binds.alert("other", place),
      binds.alert("R", { ...place, port: 54 }),
    ],
    ["news", "known", "news", "news"],
  );
  now = 61_000;
  assert.equal(binds.alert("R", place), "news");
  assert.equal(binds.suppressed, 1);
});

test("DatagramBinds keeps a bounded number of binds", () => {
  const binds = new DatagramBinds(() => 0);
  for (let port = 0; port < 10_000; port += 1) binds.alert("R", { ...place, port });
  assert.equal(binds.alert("R", { ...place, port: 9_999 }), "known");
  assert.equal(binds.alert("R", { ...place, port: 0 }), "news");
});
