import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditReport } from "../audit/report.ts";
import { auditJson } from "./audit-json.ts";
import { auditNmap } from "./audit-nmap.ts";
import { auditSummary } from "./audit-summary.ts";
import { auditText } from "./audit-text.ts";

const bare: AuditReport = {
  target: "web:8443", host: "127.0.0.1", port: 8443, container: "web", tls: false, startedAt: "2026-01-01T00:00:00.000Z", durationMs: 12, connections: 3, protocols: {}, groups: [],
  certificates: [], findings: [], errors: [],
};
const secure: AuditReport = {
  ...bare,
  tls: true,
  leastStrength: "A",
  protocols: {
    "TLSv1.2": {
      ciphers: [{ id: "0xC02F", name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", kexInfo: "secp256r1", strength: "A" }],
      compressors: ["NULL"],
      cipherPreference: "indeterminate",
      cipherPreferenceError: "Too few ciphers supported",
      warnings: [],
    },
  },
  certificates: [
    {
      subject: "CN=\u001b[31mevil\n", issuer: "CN=x", notBefore: "2026-01-01T00:00:00.000Z", notAfter: "2027-01-01T00:00:00.000Z", names: ["DNS:web"], keyType: "rsa", keyBits: 2048,
      signatureAlgorithm: "sha256WithRSAEncryption", serialNumber: "1", fingerprintSha256: "AA", isSelfSigned: false,
    },
  ],
};

for (const [speaks, text] of [
  ["http", "web:8443 no TLS (speaks HTTP), 12 ms, 3 connections"],
  ["silent", "web:8443 no TLS (silent), 12 ms, 3 connections"],
  ["unknown", "web:8443 no TLS (speaks something unknown), 12 ms, 3 connections"],
] as const) {
  test(`auditSummary() of a port that speaks ${speaks}`, () => assert.equal(auditSummary({ ...bare, speaks }), text));
}

test("auditSummary() says why a port could not be examined", () => {
  assert.equal(auditSummary({ ...bare, errors: [{ probe: "connect", error: "refused" }] }), "web:8443 could not be examined (refused), 12 ms, 3 connections");
});

test("auditNmap() writes the block that nmap writes", () => {
  assert.deepEqual(auditNmap(secure).split("\n").slice(3, -1), [
    "| ssl-enum-ciphers: ",
    "|   TLSv1.2: ",
    "|     ciphers: ",
    "|       TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (secp256r1) - A",
    "|     compressors: ",
    "|       NULL",
    "|     cipher preference: indeterminate",
    "|     cipher preference error: Too few ciphers supported",
    "|_  least strength: A",
  ]);
});

test("no report lets a certificate move the terminal's cursor", () => {
  for (const text of [auditText(secure), auditSummary(secure), auditJson(secure)]) assert.ok(!text.includes("\u001b"));
  assert.deepEqual(JSON.parse(auditJson(secure)), secure);
});
