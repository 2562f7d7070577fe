import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeCertificate, pemOf } from "../../../test/fixtures/made-certificate.ts";
import { subjectOf } from "../../tls/x509.ts";
import { readCertificate } from "./certificate.ts";
import { TrustStore } from "./trust-store.ts";

describe("TrustStore", () => {
  const { der } = makeCertificate({});
  const certificate = readCertificate(der);
  /** Its name can be read, the rest cannot. */
  const broken = Buffer.from(der);
  broken.fill(0xff, broken.length - 120);

  it("finds issuers by name, and knows what it holds", () => {
    const store = new TrustStore("test", pemOf(der));
    assert.equal(store.isEmpty, false);
    // It has signed itself.
    assert.equal(store.issuersOf(certificate.x509).length, 1);
    assert.ok(store.has(certificate));
    assert.ok(!new TrustStore("test", pemOf(makeCertificate({}).der)).has(certificate));
  });

  it("passes over what cannot be read", () => {
    for (const bytes of [broken, Buffer.from("no certificate")]) {
      const store = new TrustStore("test", pemOf(bytes));
      assert.ok(store.isEmpty);
      assert.equal(store.issuersOf(certificate.x509).length, 0);
      assert.ok(!store.has(readCertificate(broken)));
    }
  });

  it("reads names without the rest", () => {
    assert.deepEqual(subjectOf(der), certificate.x509.subject);
    assert.deepEqual(subjectOf(broken), certificate.x509.subject);
    assert.equal(subjectOf(der.subarray(0, 40)), undefined);
  });
});
