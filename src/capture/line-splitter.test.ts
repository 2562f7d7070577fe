import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineSplitter, MAX_LINE_BYTES } from "./line-splitter.ts";

test("LineSplitter.push() finds the same lines however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 })),
      fc.integer({ min: 1, max: 7 }),
      (lines, step) => {
        const clean = lines.map((line) => `${line.replace(/[\r\n]/g, "")}x`);
        const bytes = Buffer.from(clean.map((line) => `${line}\n`).join(""));
        const seen: string[] = [];
        const splitter = new LineSplitter((line) => seen.push(line));
        for (let at = 0; at < bytes.length; at += step)
          splitter.push(bytes.subarray(at, at + step));
        assert.deepEqual(seen, clean);
      },
    ),
  );
});

test("LineSplitter.push() cuts a line without end and finds the next one", () => {
  const seen: string[] = [];
  const splitter = new LineSplitter((line) => seen.push(line));
  for (let index = 0; index < 20; index += 1) splitter.push(Buffer.alloc(100_000, "a"));
  splitter.push(Buffer.from("\nnext\n"));
  assert.deepEqual(
    seen.map((line) => line.length),
    [MAX_LINE_BYTES, 4],
  );
});
