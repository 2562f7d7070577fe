import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../lib/byte-reader.ts";
import {
  encodeClientHello,
  EXTENSION,
  type HelloOptions,
  type VersionCode,
} from "./client-hello.ts";
import { groupCodes } from "./groups.ts";
import { schemeCodes } from "./signature-schemes.ts";

const random = new Uint8Array(32);

/** Types of the extensions of a hello, in their order. */
function extensionsOf(options: Omit<HelloOptions, "random">): number[] {
  const reader = new ByteReader(
    encodeClientHello({ ...options, random }).subarray(5 + 4),
    "PEER_TLS",
  );
  reader.take(34, "version and random");
  reader.take(reader.u8("session id length"), "session id");
  reader.take(reader.u16("suites length"), "suites");
  reader.take(reader.u8("compressors length"), "compressors");
  if (reader.left === 0) return [];
  const list = reader.sub(reader.u16("extensions length"), "extensions");
  const types: number[] = [];
  while (list.left > 0) {
    types.push(list.u16("type"));
    list.take(list.u16("length"), "body");
  }
  return types;
}

test("encodeClientHello() writes 1.0 as the record's version, as strict peers want it", () => {
  for (const [version, record] of [
    [0x0300, 0x0300],
    [0x0301, 0x0301],
    [0x0303, 0x0301],
    [0x0304, 0x0301],
  ] as const) {
    const hello = encodeClientHello({ version, suites: [1], random });
    assert.equal(((hello[1] ?? 0) << 8) | (hello[2] ?? 0), record);
  }
});

test("encodeClientHello() for TLS 1.3 says which pre-shared key modes it knows", () => {
  assert.ok(extensionsOf({ version: 0x0304, suites: [1] }).includes(EXTENSION.pskKeyExchangeModes));
  assert.ok(
    !extensionsOf({ version: 0x0303, suites: [1] }).includes(EXTENSION.pskKeyExchangeModes),
  );
});

test("encodeClientHello() that is bare has no extensions", () =>
  assert.deepEqual(extensionsOf({ version: 0x0303, suites: [1], isBare: true }), []));

test("encodeClientHello() that is padded avoids every length that some peer chokes on", () => {
  for (const version of [0x0301, 0x0303, 0x0304] satisfies VersionCode[])
    for (let count = 1; count < 400; count += 1) {
      const suites = Array.from({ length: count }, (_, index) => index);
      const length = encodeClientHello({ version, suites, random, isPadded: true }).length - 5;
      assert.ok(length <= 250 || (length > 511 && length % 256 === 128), `${length}`);
    }
});

test("groupCodes() and schemeCodes() offer TLS 1.3 nothing that it forbids", () => {
  assert.deepEqual(
    groupCodes(0x0304).filter((code) => code <= 22 || (code >= 26 && code <= 28)),
    [],
  );
  assert.deepEqual(
    schemeCodes(0x0304).filter((code) => [0x01, 0x03].includes(code >> 8) || code === 0x0402),
    [],
  );
  assert.ok(groupCodes(0x0303).includes(22) && groupCodes(0x0304).includes(31));
  assert.ok(schemeCodes(0x0304).includes(0x0904) && schemeCodes(0x0304).includes(0x0201));
});
