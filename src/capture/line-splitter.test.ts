import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineSplitter, MAX_LINE_BYTES } from "./line-splitter.ts";

/** Pushes the pieces through one piece of memory that is used again, as a reader of a file does. */
function lines(pieces: readonly Uint8Array[], splitter = new LineSplitter()): string[] {
  const memory = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)));
  const found = pieces.flatMap((piece) => {
    memory.fill("#");
    memory.set(piece);
    return splitter.push(memory.subarray(0, piece.length));
  });
  memory.fill("#");
  return [...found, ...splitter.finish()];
}

const aLine = fc
  .string({ unit: "grapheme", minLength: 1 })
  .map((text) => `${text.replace(/[\r\n\0]/g, "")}x`);

test("LineSplitter.push() finds the same lines in pieces of any size, in memory used again", () => {
  fc.assert(
    fc.property(fc.array(aLine), fc.integer({ min: 1, max: 7 }), (wanted, size) => {
      const bytes = Buffer.from(wanted.join("\n"));
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      assert.deepEqual(lines(pieces), wanted);
    }),
  );
});

test("LineSplitter.push() finds the same lines wherever the bytes are cut in two", () => {
  fc.assert(
    fc.property(fc.array(aLine, { maxLength: 5 }), (wanted) => {
      const bytes = Buffer.from(wanted.map((line) => `${line}\r\n`).join("\n"));
      for (let at = 0; at <= bytes.length; at += 1)
        assert.deepEqual(lines([bytes.subarray(0, at), bytes.subarray(at)]), wanted);
    }),
  );
});

test("LineSplitter keeps a line of the limit, counts a longer one, and finds the next", () => {
  const splitter = new LineSplitter();
  const whole = Buffer.alloc(MAX_LINE_BYTES + 1, "a");
  whole[MAX_LINE_BYTES] = 0x0a;
  assert.deepEqual(
    splitter.push(whole).map(({ length }) => length),
    [MAX_LINE_BYTES],
  );
  assert.equal(splitter.tooLong, 0);
  const endless = Array.from({ length: 20 }, () => Buffer.alloc(100_000, "a"));
  assert.deepEqual(lines([...endless, Buffer.from("\nnext\n")], splitter), ["next"]);
  assert.deepEqual(lines(endless, splitter), []);
  assert.equal(splitter.tooLong, 2);
});

test("LineSplitter.push() leaves out the hole of a truncated file, of any size", () => {
  const hole = Array.from({ length: 30 }, () => Buffer.alloc(100_000));
  const splitter = new LineSplitter();
  assert.deepEqual(lines([...hole, Buffer.from("\0one\ntwo\0\n\n \n")], splitter), [
    "one",
    "two\0",
  ]);
  assert.equal(splitter.tooLong, 0);
});
