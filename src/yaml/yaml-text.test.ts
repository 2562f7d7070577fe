import assert from "node:assert/strict";
import { test } from "node:test";
import { yamlText } from "./yaml-text.ts";

const TEXT = "- a: é\n";

function in16(text: string, isLittle: boolean): Uint8Array {
  const bytes = Buffer.from(text, "utf16le");
  return isLittle ? bytes : bytes.swap16();
}

function in32(text: string, isLittle: boolean): Uint8Array {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(4 * codes.length);
  for (const [index, code] of codes.entries()) {
    if (isLittle) bytes.writeUInt32LE(code, 4 * index);
    else bytes.writeUInt32BE(code, 4 * index);
  }
  return bytes;
}

for (const mark of ["", "\uFEFF"]) {
  const name = mark === "" ? "without a mark" : "with its mark";
  for (const isLittle of [true, false]) {
    const order = isLittle ? "LE" : "BE";
    test(`yamlText() reads UTF-16${order} and UTF-32${order} ${name}`, () => {
      assert.equal(yamlText(in16(mark + TEXT, isLittle)), mark + TEXT);
      assert.equal(yamlText(in32(mark + TEXT, isLittle)), mark + TEXT);
    });
  }
  test(`yamlText() reads UTF-8 ${name}`, () =>
    assert.equal(yamlText(Buffer.from(mark + TEXT)), mark + TEXT));
}

test("yamlText() of few bytes, and of what is no character", () => {
  assert.equal(yamlText(new Uint8Array()), "");
  assert.equal(yamlText(Uint8Array.of(0)), "\0");
  assert.equal(yamlText(Uint8Array.of(0x61)), "a");
  assert.equal(yamlText(Uint8Array.of(0x61, 0xe9)), "a\uFFFD");
  assert.equal(yamlText(Uint8Array.of(0x61, 0, 0, 0, 0, 0xd8, 0, 0)), "a\uFFFD");
  assert.equal(yamlText(Uint8Array.of(0x61, 0, 0, 0, 0, 0, 0, 0xff)), "a\uFFFD");
});
