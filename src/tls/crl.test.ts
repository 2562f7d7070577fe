import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  der,
  derInteger,
  derName,
  derOid,
  derSequence,
  derTime,
} from "../../test/fixtures/made-certificate.ts";
import { AppError } from "../lib/errors.ts";
import { crlScope, findRevoked, readCrl } from "./crl.ts";

const algorithm = derSequence(derOid("1.2.840.10045.4.3.2"));
const now = derTime(new Date("2026-01-01"));
const reason = derSequence(derSequence(derOid("2.5.29.21"), der(4, der(10, Uint8Array.of(1)))));
const entry = (serial: number, ...more: Uint8Array[]): Uint8Array =>
  derSequence(derInteger(serial), now, ...more);
const list = (...fields: Uint8Array[]): Uint8Array =>
  derSequence(
    derSequence(derInteger(1), algorithm, derName("Root"), now, ...fields),
    algorithm,
    der(3, Uint8Array.of(0, 7)),
  );

test("readCrl finds a serial number with its time and reason, in lists with and without an end", () => {
  const crl = readCrl(list(now, derSequence(entry(5), entry(6, reason))));
  assert.equal(crl.nextUpdate, "2026-01-01T00:00:00.000Z");
  assert.deepEqual(findRevoked(crl, Uint8Array.of(6)), {
    revokedAt: "2026-01-01T00:00:00.000Z",
    reason: "keyCompromise",
  });
  assert.deepEqual(findRevoked(crl, Uint8Array.of(5)), { revokedAt: "2026-01-01T00:00:00.000Z" });
  assert.equal(findRevoked(crl, Uint8Array.of(4)), undefined);
  const empty = readCrl(list());
  assert.deepEqual(
    [empty.nextUpdate, findRevoked(empty, Uint8Array.of(5))],
    [undefined, undefined],
  );
});

test("readCrl throws nothing but AppError for any change of its bytes", () => {
  const bytes = list(now, derSequence(entry(5), entry(6, reason)));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
      const changed = bytes.slice();
      changed[at] = value;
      try {
        const crl = readCrl(changed);
        findRevoked(crl, Uint8Array.of(6));
        crlScope(crl);
      } catch (thrown) {
        assert.ok(thrown instanceof AppError);
      }
    }),
  );
});
