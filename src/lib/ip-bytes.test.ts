import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressBytes } from "./ip-bytes.ts";
import { ipText } from "./ip-text.ts";

test("addressBytes() and ipText() are each other's inverse", () => {
  for (const size of [4, 16]) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (bytes) => {
        assert.deepEqual(addressBytes(ipText(bytes)), bytes);
      }),
    );
  }
});

test("ipText() shortens as RFC 5952 says", () => {
  for (const text of [
    "::",
    "::1",
    "fe80::1",
    "2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1",
    "::ffff:10.0.0.1",
    "10.0.0.1",
  ]) {
    assert.equal(ipText(addressBytes(text) ?? new Uint8Array(0)), text);
  }
});

for (const text of [
  "",
  "1.2.3",
  "1.2.3.256",
  "010.0.0.1",
  "1.2.3.00",
  "1.2.3.4.5",
  ":",
  ":::",
  "1::2::3",
  "12345::",
  "1:2:3:4:5:6:7:8:9",
  "g::",
]) {
  test(`addressBytes() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(addressBytes(text), undefined);
  });
}
