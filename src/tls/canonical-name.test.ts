import assert from "node:assert/strict";
import { test } from "node:test";
import { der, derOid, derSequence } from "../../test/fixtures/made-certificate.ts";
import { canonicalName, nameKey } from "./canonical-name.ts";

const part = (value: Buffer, oid = "2.5.4.10"): Buffer =>
  der(0x31, derSequence(derOid(oid), value));
const utf8 = (text: string): Buffer => der(12, Buffer.from(text));
const printable = (text: string): Buffer => der(19, Buffer.from(text));
const bmp = (text: string): Buffer => der(30, Buffer.from(text, "utf16le").swap16());

test("nameKey() is equal for names that differ in case, spaces and encoding alone", () => {
  const keys = [utf8("Acme Ltd"), printable("ACME  ltd "), bmp(" acme ltd"), utf8("Acme Ltd.")].map(
    (value) => nameKey(derSequence(part(value))),
  );
  assert.deepEqual(
    keys.map((key) => key === keys[0]),
    [true, true, true, false],
  );
  const octets = (text: string): string => nameKey(derSequence(part(der(4, Buffer.from(text)))));
  assert.notEqual(octets("a"), octets("A"));
  assert.notEqual(
    nameKey(derSequence(part(utf8("a")))),
    nameKey(derSequence(part(utf8("a"), "2.5.4.3"))),
  );
});

test("nameKey() of what is no name is of those bytes alone", () => {
  const [one, other] = [Buffer.from("3003020101", "hex"), Buffer.from("3003020102", "hex")];
  assert.throws(() => canonicalName(one), /Cannot read/);
  assert.equal(nameKey(one), nameKey(Buffer.from(one)));
  assert.notEqual(nameKey(one), nameKey(other));
  assert.notEqual(nameKey(one), nameKey(derSequence()));
});
