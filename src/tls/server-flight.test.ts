import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { cipherSuite } from "./cipher-suites.ts";
import { MAX_FLIGHT_BYTES } from "./records.ts";
import { FlightReader } from "./server-flight.ts";
import { readServerKey } from "./server-key.ts";

function record(type: number, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u8(type)
    .u16(0x0303)
    .vector(2, (writer) => writer.bytes(body))
    .finish();
}

function message(type: number, body: (writer: ByteWriter) => void): Uint8Array {
  return new ByteWriter().u8(type).vector(3, body).finish();
}

const hello = message(2, (writer) => {
  writer.u16(0x0303).bytes(new Uint8Array(32)).u8(0).u16(0xc02f).u8(0);
});
const certificate = message(11, (writer) =>
  writer.vector(3, (list) => list.vector(3, (der) => der.bytes(new Uint8Array([1, 2, 3])))),
);
const keyExchange = message(12, (writer) => writer.u8(3).u16(29));
const done = message(14, () => {});
const flight = new Uint8Array([
  ...record(22, hello),
  ...record(22, new Uint8Array([...certificate, ...keyExchange])),
  ...record(22, done),
]);

test("FlightReader.push() reads a flight the same however the bytes are cut", () => {
  for (let step = 1; step <= flight.length; step += 1) {
    const reader = new FlightReader();
    for (let at = 0; at < flight.length; at += step) reader.push(flight.subarray(at, at + step));
    assert.deepEqual(
      [reader.isDone, reader.hello?.suite, reader.certificates.length],
      [true, 0xc02f, 1],
    );
    assert.deepEqual(reader.keyExchange && readServerKey(reader.keyExchange, cipherSuite(0xc02f)), {
      kind: "ec",
      group: 29,
    });
  }
});

test("FlightReader.push() joins messages that are split over records", () => {
  const reader = new FlightReader();
  for (const byte of [...hello, ...certificate]) reader.push(record(22, new Uint8Array([byte])));
  assert.deepEqual([reader.hello?.suite, reader.certificates.length], [0xc02f, 1]);
});

test("FlightReader.push() reads over warnings and ends at a fatal alert", () => {
  const reader = new FlightReader();
  reader.push(record(21, new Uint8Array([1, 112])));
  assert.equal(reader.isDone, false);
  reader.push(record(21, new Uint8Array([2, 40])));
  assert.deepEqual(reader.alert, { level: 2, description: 40, recordVersion: 0x0303 });
});

test("FlightReader.push() takes the group of a HelloRetryRequest", () => {
  const random = Uint8Array.from(
    Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex"),
  );
  const retry = message(2, (writer) => {
    writer.u16(0x0303).bytes(random).u8(0).u16(0x1301).u8(0);
    writer.vector(2, (extensions) =>
      extensions
        .u16(43)
        .vector(2, (body) => body.u16(0x0304))
        .u16(51)
        .vector(2, (body) => body.u16(29)),
    );
  });
  const reader = new FlightReader();
  reader.push(record(22, retry));
  const { version, suite, isRetryRequest, group, extensions } = reader.hello ?? {};
  assert.deepEqual(
    { version, suite, isRetryRequest, group, extensions: [...(extensions?.keys() ?? [])] },
    { version: 0x0304, suite: 0x1301, isRetryRequest: true, group: 29, extensions: [43, 51] },
  );
});

test("FlightReader.push() refuses what is no TLS, and answers without end", () => {
  assert.throws(() => new FlightReader().push(Buffer.from("HTTP/1.1 400 Bad Request")), {
    code: "PEER_TLS",
  });
  assert.throws(
    () => new FlightReader().push(new Uint8Array([22, 3, 3, 0xff, 0xff])),
    /over the limit of TLS/,
  );
  const reader = new FlightReader();
  assert.throws(() => {
    for (let sent = 0; sent <= MAX_FLIGHT_BYTES; sent += 16_005)
      reader.push(record(22, new Uint8Array([11, 1, 0xff, 0xff, ...new Uint8Array(15_996)])));
  }, AppError);
});

test("FlightReader.push() and readServerKey() throw nothing but AppError", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(flight.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      (flips, step) => {
        const bytes = flight.slice();
        for (const [at, value] of flips) bytes[at] = value;
        try {
          const reader = new FlightReader();
          for (let at = 0; at < bytes.length; at += step)
            reader.push(bytes.subarray(at, at + step));
        } catch (error) {
          assert.ok(error instanceof AppError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
  fc.assert(
    // Elliptic curve, finite field, export RSA, SRP, with a PSK hint.
    fc.property(
      fc.uint8Array(),
      fc.constantFrom(0xc02f, 0x0033, 0x0003, 0xc01e, 0xc037),
      (bytes, suite) => {
        try {
          readServerKey(bytes, cipherSuite(suite));
        } catch (error) {
          assert.ok(error instanceof AppError, String(error));
        }
      },
    ),
  );
});
