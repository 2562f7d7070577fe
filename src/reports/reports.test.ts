import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditJson } from "./audit-json.ts";
import { auditNmap } from "./audit-nmap.ts";
import { auditNmapXml } from "./audit-nmap-xml.ts";
import { auditHtml } from "./audit-html.ts";
import { attentionRank, auditRow } from "./audit-rows.ts";
import { auditSummary } from "./audit-summary.ts";
import { auditText } from "./audit-text.ts";

const { tls: _, ...unknown } = bare;

for (const [speaks, text] of [
  ["http", "web:8443 no TLS (speaks HTTP), 12 ms, 3 connections"],
  ["unknown", "web:8443 no TLS (speaks something unknown), 12 ms, 3 connections"],
] as const) {
  test(`auditSummary() of a port that speaks ${speaks}`, () =>
    assert.equal(auditSummary({ ...bare, speaks }), text));
}

test("every report says of a port that could not be examined just that, and why", () => {
  const silence = "the port takes connections and says nothing";
  const report: AuditReport = {
    ...unknown,
    speaks: "silent",
    errors: [{ probe: "protocol", error: silence, code: "silent" }],
  };
  const words = `could not be examined: ${silence}`;
  assert.equal(auditSummary(report), `web:8443 ${words}, 12 ms, 3 connections`);
  assert.ok(auditText(report).startsWith(`web:8443 ${words}`));
  assert.deepEqual(auditNmap(report).split("\n").slice(4), [
    "8443/tcp open  unknown",
    `|_saker: ${words}`,
    "",
    "",
  ]);
  assert.ok(auditNmapXml([report], "1").includes(`<script id="saker" output="${words}"/>`));
  assert.ok(auditHtml([report]).includes(words));
  assert.ok(auditRow(report).cells.includes(words));
  assert.equal("tls" in (JSON.parse(auditJson(report)) as object), false);
});

test("auditNmap() writes the block that nmap writes", () => {
  assert.deepEqual(auditNmap(secure).split("\n"), [
    "Nmap scan report for 127.0.0.1",
    "Host is up.",
    "",
    "PORT     STATE SERVICE",
    "8443/tcp open  ssl/unknown",
    "| ssl-enum-ciphers: ",
    "|   TLSv1.2: ",
    "|     ciphers: ",
    "|       TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (secp256r1) - A",
    "|     compressors: ",
    "|       NULL",
    "|     cipher preference: indeterminate",
    "|     cipher preference error: Too few ciphers supported",
    "|_  least strength: A",
    "",
    "",
  ]);
});

test("auditNmap() writes a name with its address", () => {
  assert.equal(
    auditNmap({ ...secure, host: "web.test", address: "192.0.2.1" }).split("\n")[0],
    "Nmap scan report for web.test (192.0.2.1)",
  );
});

for (const [name, report, line] of [
  [
    "is closed",
    {
      ...unknown,
      connections: 0,
      errors: [{ probe: "connect", error: "nobody listens", code: "refused" }],
    },
    "8443/tcp closed unknown",
  ],
  [
    "never answers",
    {
      ...unknown,
      connections: 0,
      errors: [{ probe: "connect", error: "no connection in time", code: "timeout" }],
    },
    "8443/tcp filtered unknown",
  ],
  ["speaks SSH", { ...bare, port: 22, speaks: "ssh" }, "22/tcp open  ssh"],
  ["has STARTTLS", { ...secure, starttls: "smtp", speaks: "smtp" }, "8443/tcp open  smtp"],
] as const) {
  test(`auditNmap() of a port that ${name}`, () =>
    assert.equal(auditNmap(report).split("\n")[4], line));
}

test("no report lets a certificate move the terminal's cursor", () => {
  for (const text of [auditText(secure), auditSummary(secure), auditJson(secure)])
    assert.ok(!text.includes("\u001b"));
  assert.deepEqual(JSON.parse(auditJson(secure)), secure);
});

test("auditText() says everything, what matters first", () => {
  const text = auditText(full);
  assert.equal(
    text.split("\n")[0],
    String.raw`web:8443 SSLv2 TLSv1.2 after STARTTLS (smtp), grade T (B without trust), least strength A, 2 suites, CN=\u001b[31mevil\u000a until 2027-01-01, rc4, over UDP DTLSv1.2 QUICv1, 12 ms, 3 connections`,
  );
  for (const line of [
    "grade T (B without trust), score 80: protocols 95, key exchange 90, ciphers 60",
    "  T   at best: it expired",
    String.raw`  high     RC4: <script>alert(1)</script>\u0007`,
    "  groups                  x25519, secp256r1",
    "  server name (SNI)       without one: same certificate; unknown one: refused",
    "  resumption              session id: no, ticket: yes, pre-shared key: not known",
    "  trust        no: it expired",
    "  OCSP staple  revoked: on Monday",
    "  could not tell  robot",
    "  QUIC  QUICv1",
    "  robot: no answer & more",
  ]) {
    assert.ok(text.split("\n").includes(line), `${line}\n---\n${text}`);
  }
});

test("auditText() has colours where they are asked for, and none of a peer's", () => {
  const text = auditText(full, { colour: true });
  assert.ok(text.includes("\u001b[31mhigh    \u001b[39m RC4"));
  assert.ok(text.includes("(secp256r1) - \u001b[32mA\u001b[39m"));
  assert.equal(stripVTControlCharacters(text), auditText(full));
});

test("auditText() tells the orders and groups of versions apart", () => {
  const protocol = secure.protocols["TLSv1.2"];
  assert.ok(protocol !== undefined);
  const modern = {
    ...protocol,
    groups: ["X25519MLKEM768"],
    groupPreference: "server",
    chacha20First: true,
  } as const;
  const lines = auditText({
    ...full,
    protocols: {
      "TLSv1.3": modern,
      "TLSv1.2": { ...protocol, groups: ["x25519"], equalPreference: ["TLS_A", "TLS_B"] },
    },
  }).split("\n");
  for (const line of [
    "  groups of TLSv1.2       x25519",
    "  groups of TLSv1.3       X25519MLKEM768 (server's order)",
    "  equals of TLSv1.2       TLS_A, TLS_B",
    "  order of TLSv1.3        ChaCha20 first for clients that put it first",
  ]) {
    assert.ok(lines.includes(line), lines.join("\n"));
  }
});

test("auditNmap() and its XML leave out what ssl-enum-ciphers does not know", () => {
  assert.ok(!auditNmap(full).includes("SSLv2"));
  assert.ok(!auditNmapXml([full], "1.0").includes("SSLv2"));
  assert.ok(
    !auditNmap({
      ...full,
      protocols: { SSLv2: full.protocols["SSLv2"] ?? { ciphers: [], warnings: [] } },
    }).includes("ssl-enum-ciphers"),
  );
});

test("attentionRank() goes by encryption, then by trust", () => {
  const graded = (letter: string, ignoringTrust?: string): AuditReport => ({
    ...secure,
    grade: {
      letter,
      score: 1,
      scores: { protocol: 1, keyExchange: 1, cipher: 1 },
      caps: [],
      ...(ignoringTrust === undefined ? {} : { ignoringTrust }),
    },
  });
  const sorted = [
    bare,
    graded("A"),
    graded("T", "A"),
    graded("F"),
    graded("T", "F"),
    graded("A+"),
  ].toSorted((a, b) => attentionRank(b) - attentionRank(a));
  assert.deepEqual(
    sorted.map(({ grade }) => `${grade?.letter} ${grade?.ignoringTrust}`),
    ["T F", "F undefined", "T A", "A undefined", "A+ undefined", "undefined undefined"],
  );
});

test("auditText() says that several programs share the port", () => {
  const listener = { address: "0.0.0.0", sharedBy: ["nginx", "python3"] };
  assert.match(
    auditText({ ...secure, listener }),
    /listens at 0\.0\.0\.0, shared by 2 programs \(nginx, python3\): the kernel chooses who answers/,
  );
});
