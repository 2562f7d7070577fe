import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { DatagramFlightReader, DTLS_VERSIONS, encodeDatagramHello } from "./dtls.ts";

const record = (body: readonly number[]): Uint8Array =>
  Uint8Array.of(
    22,
    0xfe,
    0xfd,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    body.length >>> 8,
    body.length & 0xff,
    ...body,
  );
const fragment = (
  type: number,
  sequence: number,
  whole: readonly number[],
  [from, to]: readonly [number, number],
): Uint8Array =>
  record([
    type,
    0,
    0,
    whole.length,
    0,
    sequence,
    0,
    0,
    from,
    0,
    0,
    to - from,
    ...whole.slice(from, to),
  ]);

const SERVER_HELLO = [0xfe, 0xfd, ...Array.from({ length: 32 }, () => 7), 0, 0xc0, 0x2f, 0];

test("encodeDatagramHello puts the cookie behind the session id and counts the message", () => {
  const [, version] = DTLS_VERSIONS;
  const bytes = encodeDatagramHello(
    version,
    { suites: [0xc02f], random: new Uint8Array(32) },
    { cookie: Uint8Array.of(9, 8), turn: 3 },
  );
  assert.deepEqual([...bytes.subarray(0, 11)], [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 3]);
  assert.deepEqual([...bytes.subarray(17, 19)], [0, 1]);
  assert.deepEqual([...bytes.subarray(25, 27)], [0xfe, 0xfd]);
  assert.deepEqual([...bytes.subarray(59, 67)], [0, 2, 9, 8, 0, 2, 0xc0, 0x2f]);
});

test("DTLS 1.3 stands in supported_versions, and its ServerHello ends the reading", () => {
  const [version] = DTLS_VERSIONS;
  const hello = encodeDatagramHello(
    version,
    { suites: [0x1301], random: new Uint8Array(32) },
    { cookie: new Uint8Array(0), turn: 0 },
  );
  assert.deepEqual([...hello.subarray(25, 27)], [0xfe, 0xfd]);
  assert.ok(Buffer.from(hello).includes(Buffer.of(0, 43, 0, 5, 4, 0xfe, 0xfc, 0x7f, 0x2b)));
  const extensions = [0, 6, 0, 43, 0, 2, 0xfe, 0xfc];
  const body = [0xfe, 0xfd, ...Array.from({ length: 32 }, () => 7), 0, 0x13, 1, 0, ...extensions];
  const reader = new DatagramFlightReader();
  reader.push(fragment(2, 0, body, [0, body.length]));
  assert.deepEqual(
    [reader.isDone, reader.hello?.version, reader.hello?.suite],
    [true, 0x0304, 0x1301],
  );
});

test("DatagramFlightReader joins fragments that are cut, repeated and out of order", () => {
  const reader = new DatagramFlightReader();
  reader.push(fragment(14, 2, [], [0, 0]));
  reader.push(fragment(2, 1, SERVER_HELLO, [20, SERVER_HELLO.length]));
  reader.push(fragment(2, 1, SERVER_HELLO, [15, 30]));
  assert.equal(reader.isDone, false);
  reader.push(fragment(2, 1, SERVER_HELLO, [0, 20]));
  assert.deepEqual(
    [reader.isDone, reader.hello?.suite, reader.hello?.version],
    [true, 0xc02f, 0x0303],
  );
});

test("DatagramFlightReader reads a cookie, and refuses what is no DTLS", () => {
  const reader = new DatagramFlightReader();
  reader.push(fragment(3, 0, [0xfe, 0xff, 2, 5, 6], [0, 5]));
  assert.deepEqual([...(reader.cookie ?? [])], [5, 6]);
  assert.throws(
    () => new DatagramFlightReader().push(new TextEncoder().encode("HTTP/1.1 400")),
    /^AppError: Cannot read the server's datagram: it is not DTLS$/,
  );
});

test("DatagramFlightReader throws nothing but AppError for any bytes", () => {
  const hello = [...fragment(2, 1, SERVER_HELLO, [0, SERVER_HELLO.length])];
  const flipped = fc
    .tuple(fc.nat(hello.length - 1), fc.nat(255))
    .map(([at, value]) => Uint8Array.from(hello.with(at, value)));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(flipped, fc.uint8Array({ maxLength: 80 })), { maxLength: 5 }),
      (datagrams) => {
        const reader = new DatagramFlightReader();
        try {
          for (const datagram of datagrams) reader.push(datagram);
        } catch (error) {
          assert.ok(error instanceof AppError);
        }
      },
    ),
    { numRuns: 300 },
  );
});
