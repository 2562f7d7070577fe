import assert from "node:assert/strict";
import { test } from "node:test";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditHtml } from "./audit-html.ts";

test("auditHtml() shows everything and runs nothing of a peer's", () => {
  const page = auditHtml([full]);
  assert.ok(
    !/<script|<img|\son\w+=|https?:\/\/|@import|url\(/i.test(page),
    "nothing active, nothing from elsewhere",
  );
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.match(page, /default-src 'none'/);
  for (const part of [
    "SSL2_RC4_128_WITH_MD5",
    "it expired",
    "published at 0.0.0.0:8443",
    "Chain of the rsa key",
    "CN=&lt;img&gt;",
    "It is broken.",
    "no answer &amp; more",
    'value="95"',
    "QUIC, over UDP",
    "DTLSv1.2",
    "could not tell</span>",
  ])
    assert.ok(page.includes(part), part);
  assert.ok(!page.includes("[object"));
});

test("auditHtml() draws a chain to what it ends in", () => {
  const [leaf] = secure.certificates;
  assert.ok(leaf !== undefined);
  const certificates = [
    { ...leaf, subject: "CN=leaf", issuer: "CN=between" },
    { ...leaf, subject: "CN=between", issuer: "CN=root", fingerprintSha256: "BB" },
    { ...leaf, subject: "CN=lost", fingerprintSha256: "CC" },
    { ...leaf, subject: "CN=of no chain", fingerprintSha256: "DD" },
  ];
  const chain = {
    keyType: "rsa",
    protocols: ["TLSv1.2"],
    sent: ["AA", "BB"],
    isTrusted: true,
    anchor: "CN=root",
    isOrdered: true,
    superfluous: [],
  };
  const drawn = (more: Partial<NonNullable<AuditReport["chains"]>[number]>): string => {
    const page = auditHtml([{ ...secure, certificates, chains: [{ ...chain, ...more }] }]);
    return [...page.matchAll(/↑ ([^<]+)<\/span>(?:<details><summary>([^<]+) <|([^<]+)<)/g)]
      .map(([, link, box = "", end = ""]) => `${link} ${box}${end}`)
      .join(" | ");
  };
  assert.equal(drawn({}), "signed by CN=between | signed by CN=root, in the trust store");
  assert.equal(
    drawn({ anchor: "CN=between" }),
    "signed by CN=between | which is in the trust store",
  );
  assert.equal(
    drawn({ isTrusted: false, missingIssuer: "CN=<root>" }),
    "signed by CN=between | signed by missing: CN=&lt;root&gt;",
  );
  assert.equal(
    drawn({ sent: ["AA", "CC", "BB"], superfluous: ["CN=lost"] }),
    "then sent, not its issuer CN=lost | then sent, not its issuer CN=between | signed by CN=root, in the trust store",
  );
  assert.match(
    auditHtml([{ ...secure, certificates, chains: [chain] }]),
    /<h2>Certificates<\/h2><ol class="chain"><li><details><summary>CN=lost .*CN=of no chain/s,
  );
});

test("auditHtml() has the suites of all versions side by side, with the server's order", () => {
  const cipher = (
    name: string,
    strength = "A",
  ): AuditReport["protocols"][string]["ciphers"][number] => ({
    id: "0x0001",
    name,
    strength,
    kexInfo: "x25519",
  });
  const protocols = {
    "TLSv1.2": {
      ciphers: [cipher("TLS_B"), cipher("TLS_A", "C")],
      cipherPreference: "server",
      compressors: ["DEFLATE", "NULL"],
      warnings: ["It is old"],
    },
    "TLSv1.3": {
      ciphers: [cipher("TLS_N")],
      cipherPreference: "client",
      chacha20First: true,
      warnings: [],
    },
  } as const;
  const text = auditHtml([{ ...secure, protocols }])
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/\s+/g, " ");
  assert.match(
    text,
    /3 suites TLSv1\.3 client&#39;s order, ChaCha20 if first TLSv1\.2 server&#39;s order, compression DEFLATE NULL TLS_N A x25519 · TLS_B · A 1\. x25519 TLS_A · C 2\. x25519 TLSv1\.2 It is old/,
  );
});

test("auditHtml() turns no text of a peer's around", () => {
  const page = auditHtml([{ ...bare, target: "a\u202eb\u0007" }]);
  assert.ok(page.includes(String.raw`a\u202eb\u0007`));
  assert.ok(!page.includes("\u202e"));
});

test("auditHtml() of several targets begins with an overview, worst first", () => {
  const page = auditHtml([
    bare,
    { ...full, target: "bad:1" },
    {
      ...secure,
      target: "good:2",
      grade: {
        letter: "A",
        score: 90,
        scores: { protocol: 1, keyExchange: 1, cipher: 1 },
        caps: [],
      },
    },
  ]);
  assert.deepEqual(
    [...page.matchAll(/<a href="#target-\d">([^<]+)</g)].map(([, target]) => target),
    ["bad:1", "good:2", "web:8443"],
  );
});
