import assert from "node:assert/strict";
import { test } from "node:test";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import { auditChanges } from "./audit-changes.ts";

test("auditChanges() of two equal reports is empty", () => {
  for (const report of [bare, secure, full]) assert.deepEqual(auditChanges(report, report), []);
});

test("auditChanges() says that a verdict is another", () => {
  assert.deepEqual(auditChanges({ ...bare, speaks: "http" }, secure), [
    "no TLS (speaks HTTP) → TLS",
  ]);
});

test("auditChanges() names what came and went", () => {
  const [certificate] = secure.certificates;
  assert.ok(certificate !== undefined);
  const after = {
    ...secure,
    protocols: { "TLSv1.3": { ciphers: [], warnings: [] } },
    certificates: [{ ...certificate, fingerprintSha256: "BB", notAfter: "2028-01-01T00:00:00Z" }],
    findings: [{ id: "expired", severity: "high" as const, title: "t", evidence: "e" }],
  };
  const changes = auditChanges(secure, after);
  assert.equal(changes[0], "versions +TLSv1.3 -TLSv1.2");
  assert.match(changes[1] ?? "", /^suites -TLSv1\.2 TLS_ECDHE_RSA/);
  assert.match(changes[2] ?? "", /^certificate .* until 2027-01-01 \(AA…\) → .* until 2028-01-01/s);
  assert.equal(changes[3], "findings +expired");
});

test("auditChanges() names a bounded number of suites", () => {
  const ciphers = Array.from({ length: 40 }, (_, index) => ({
    id: "0xC02F",
    name: `SUITE_${index}`,
    strength: "A",
  }));
  const after = { ...secure, protocols: { "TLSv1.2": { ciphers, warnings: [] } } };
  assert.match(auditChanges(secure, after).join(), /\+SUITE_0 .* and 33 more|and 33 more/);
});
