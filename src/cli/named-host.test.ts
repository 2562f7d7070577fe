import assert from "node:assert/strict";
import { test } from "node:test";
import { wireName } from "./named-host.ts";

for (const [name, wire] of [
  ["example.org", "example.org"],
  ["example.org.", "example.org"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["ΕΛΛΆΔΑ.gr", "xn--hxakic4aa.gr"],
  ["faß.de", "xn--fa-hia.de"],
  ["_dmarc.example.org", "_dmarc.example.org"],
  ["例え。テスト", "xn--r8jz45g.xn--zckzah"],
] as const) {
  test(`wireName() of ${name}`, () => assert.equal(wireName(name), wire));
}

test("wireName() refuses what is no name", () =>
  assert.throws(() => wireName("\u0000ü \u202e"), /it is no name of a host/));
