import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it, test } from "node:test";
import { certificateNames, ownPagePair, pagePairIn } from "./page-certificate.ts";

const NAMES = ["localhost", "127.0.0.1", "::1", "node-1", "10.1.2.3"];
const NOW = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

describe("ownPagePair", () => {
  let folder: string;
  const path = () => join(folder, "store", "page.pem");
  const certificate = (now = NOW, names: readonly string[] = NAMES) =>
    new X509Certificate(ownPagePair(path(), names, now).cert);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "saker-page-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("makes a certificate that its own key has signed, for its names alone", () => {
    const { cert, key, fingerprint } = ownPagePair(path(), NAMES, NOW);
    const made = new X509Certificate(cert);
    assert.equal(made.verify(made.publicKey), true);
    assert.equal(made.checkPrivateKey(createPrivateKey(key)), true);
    assert.equal(made.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    assert.equal(fingerprint, made.fingerprint256);
    for (const name of ["localhost", "node-1"]) assert.equal(made.checkHost(name), name);
    for (const address of ["127.0.0.1", "::1", "10.1.2.3"])
      assert.equal(made.checkIP(address), address);
    assert.equal(made.checkHost("node-2"), undefined);
    assert.equal(made.ca, false);
    assert.deepEqual(made.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    const [from, until] = [Date.parse(made.validFrom), Date.parse(made.validTo)];
    assert.ok(from < NOW && until - from < 398 * DAY_MS);
  });

  it("keeps it where its owner alone reads it, and finds it again", () => {
    const { fingerprint256 } = certificate();
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    assert.equal(certificate().fingerprint256, fingerprint256);
    chmodSync(path(), 0o640);
    assert.throws(() => pagePairIn(path()), {
      code: "CONFIG_WEB",
      message: /others may have read/,
    });
  });

  it("makes a new one a month before the end, for a further name, and for what is none", () => {
    const first = certificate().fingerprint256;
    assert.equal(certificate(NOW + 366 * DAY_MS).fingerprint256, first);
    const second = certificate(NOW + 368 * DAY_MS).fingerprint256;
    assert.notEqual(second, first);
    const third = certificate(NOW + 368 * DAY_MS, [...NAMES, "node-2"]).fingerprint256;
    assert.notEqual(third, second);
    const text = readFileSync(path(), "utf8");
    for (const broken of [
      "",
      "x",
      text.slice(0, -90),
      text.replace(/[\s\S]*(?=-----BEGIN C)/, ""),
    ]) {
      writeFileSync(path(), broken);
      assert.equal(pagePairIn(path()), undefined);
    }
    assert.equal(certificate().checkHost("node-1"), "node-1");
  });

  it("says when a time beyond 2049 is meant, as RFC 5280 wants it", () => {
    const made = certificate(Date.UTC(2051, 0, 1));
    assert.match(made.validFrom, /2050/);
  });
});

test("certificateNames() takes names and addresses out of hosts", () => {
  assert.deepEqual(
    certificateNames(["::1", "[fe80::1]:80", "a.example:443", "a.example", "no name", "", "ü"]),
    ["::1", "fe80::1", "a.example"],
  );
});
