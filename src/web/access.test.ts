import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { Access } from "./access.ts";

/** Whether a request to a page at `address` is answered under a name. */
function answers(address: string, host: string, { port = 2803, isTls = true } = {}): boolean {
  const options = { token: "t", hostname: "box", hosts: [], port, isTls };
  const access = new Access({ ...options, address, now: () => 0 });
  try {
    access.requireOwnSite({ headers: { host }, method: "GET" } as IncomingMessage);
    return true;
  } catch {
    return false;
  }
}

test("a page at all addresses is reached by each of them, one elsewhere by its own", () => {
  for (const [address, host, expected] of [
    ["0.0.0.0", "192.0.2.2:2803", true],
    ["::", "[2001:db8::1]:2803", true],
    ["0.0.0.0", "192.0.2.2:80", false],
    ["0.0.0.0", "192.0.2.2", false],
    ["0.0.0.0", "evil.example:2803", false],
    ["0.0.0.0", "1.2.3.4.evil.example:2803", false],
    ["0.0.0.0", "fe:2803", false],
    ["127.0.0.1", "192.0.2.2:2803", false],
    ["192.0.2.2", "192.0.2.2:2803", true],
    ["192.0.2.2", "192.0.2.3:2803", false],
  ] as const)
    assert.equal(answers(address, host), expected, `${address} ${host}`);
});

test("a page at the scheme's own port is reached without the port, as browsers have it", () => {
  assert.equal(answers("127.0.0.1", "localhost", { port: 443 }), true);
  assert.equal(answers("0.0.0.0", "192.0.2.2", { port: 443 }), true);
  assert.equal(answers("127.0.0.1", "127.0.0.1", { port: 80, isTls: false }), true);
  assert.equal(answers("127.0.0.1", "127.0.0.1", { port: 80 }), false);
  assert.equal(answers("127.0.0.1", "evil.example", { port: 443 }), false);
});
