import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeText, encodeText, printable } from "./text.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

for (const [name, input, text, shown] of [
  ["ASCII", bytes(0x61, 0x62), "ab", "ab"],
  ["text up to a NUL", bytes(0x61, 0, 0x62), "a", "a"],
  ["UTF-8", bytes(0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80), "é😀", "é😀"],
  ["U+FFFD itself", bytes(0xef, 0xbf, 0xbd), "\ufffd", "\ufffd"],
  ["a byte that is no UTF-8", bytes(0x61, 0xff), "a\udcff", "a\ufffd"],
  ["a sequence that is cut off", bytes(0xe6, 0x97), "\udce6\udc97", "\ufffd\ufffd"],
  ["an overlong sequence", bytes(0xc0, 0xaf), "\udcc0\udcaf", "\ufffd\ufffd"],
  ["a surrogate in UTF-8", bytes(0xed, 0xa0, 0x80), "\udced\udca0\udc80", "\ufffd\ufffd\ufffd"],
] as const) {
  test(`decodeText() of ${name}`, () => {
    const decoded = decodeText(input, 0, input.length);
    assert.equal(decoded, text);
    assert.equal(printable(decoded), shown);
  });
}

test("encodeText() gives the bytes back that decodeText() had, whatever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 255 })), (values) => {
      assert.deepEqual(
        [...encodeText(decodeText(Uint8Array.from(values), 0, values.length))],
        values,
      );
    }),
    { numRuns: 2000 },
  );
});
