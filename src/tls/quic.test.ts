import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { encodeQuicQuestion, quicVersionName, readQuicVersions } from "./quic.ts";

const IDS = { destination: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), source: Uint8Array.of(9) };
const ANSWER = [
  0x80, 0, 0, 0, 0, 1, 9, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf, 0xff, 0, 0,
  29, 0x5a, 0x6a, 0x7a, 0x8a,
];

test("encodeQuicQuestion fills the datagram that a server wants", () => {
  const question = encodeQuicQuestion(IDS);
  assert.equal(question.length, 1200);
  assert.deepEqual(
    [...question.subarray(0, 16)],
    [0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 9],
  );
});

test("readQuicVersions gives the versions without the reserved ones, of an answer to our ids alone", () => {
  assert.deepEqual(readQuicVersions(Uint8Array.from(ANSWER), IDS)?.map(quicVersionName), [
    "QUICv1",
    "QUICv2",
    "QUIC draft-29",
  ]);
  assert.equal(readQuicVersions(Uint8Array.from(ANSWER.with(6, 8)), IDS), undefined);
  assert.equal(readQuicVersions(new TextEncoder().encode("HTTP/1.1 400"), IDS), undefined);
});

test("readQuicVersions throws nothing but AppError for any bytes", () => {
  fc.assert(
    fc.property(
      fc.nat(ANSWER.length),
      fc.nat(ANSWER.length - 1),
      fc.nat(255),
      (length, at, value) => {
        try {
          readQuicVersions(Uint8Array.from(ANSWER.with(at, value)).subarray(0, length), IDS);
        } catch (error) {
          assert.ok(error instanceof AppError);
        }
      },
    ),
    { numRuns: 300 },
  );
});
