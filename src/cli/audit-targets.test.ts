import assert from "node:assert/strict";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { resolveTargets } from "./audit-targets.ts";

test("resolveTargets() connects to no address that is not its namespace's own", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  await inside.run(`require("node:fs").writeFileSync("/proc/sys/net/ipv4/ip_nonlocal_bind", "1");
    require("node:net").createServer().listen(443, "192.0.2.7", () => console.log("up"))`);
  const targets = await resolveTargets(["listening"], assert.fail);
  t.after(() => targets.forEach((target) => target.close()));
  const target = targets.find(({ host }) => host === "192.0.2.7");
  assert.ok(target !== undefined);
  const isRefused = { code: "PEER_ADDRESS", message: /"192\.0\.2\.7", port 443: it is no address/ };
  await assert.rejects(target.connect(new AbortController().signal), isRefused);
  await assert.rejects(async () => target.datagram?.(), isRefused);
});

test("resolveTargets() has each address of a port, and sockets that share one once", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  await inside.run(`const { createServer } = require("node:net");
    const places = ["127.0.0.1", "127.0.0.2", "127.0.0.2"].map((host) => ({ host, port: 7443, reusePort: true }));
    let up = 0;
    for (const place of [...places, { host: "127.0.0.1", port: 7444 }])
      createServer().listen(place, () => (up += 1) === 4 && console.log("up"))`);
  const targets = await resolveTargets(["listening"], assert.fail);
  t.after(() => targets.forEach((target) => target.close()));
  const found = targets.filter(({ port }) => port === 7443 || port === 7444);
  assert.deepEqual(found.map(({ label }) => label).toSorted(), [
    "host:7443 (127.0.0.1)",
    "host:7443 (127.0.0.2)",
    "host:7444",
  ]);
});

test("resolveTargets() takes an address with its zone, which no certificate names", async () => {
  const [target] = await resolveTargets(["[fe80::1%eth0]:443"], assert.fail);
  assert.equal(target?.host, "fe80::1%eth0");
  assert.equal(target.identity, "fe80::1");
  assert.equal(target.port, 443);
});
