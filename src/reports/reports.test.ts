import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { AuditReport } from "../audit/report.ts";
import { auditHtml } from "./audit-html.ts";
import { auditJson } from "./audit-json.ts";
import { auditNmap } from "./audit-nmap.ts";
import { auditNmapXml } from "./audit-nmap-xml.ts";
import { attentionRank } from "./audit-rows.ts";
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

for (const [name, report, line] of [
  ["is closed", { ...bare, connections: 0, errors: [{ probe: "connect", error: 'Cannot connect to "127.0.0.1:8443": ECONNREFUSED' }] }, "8443/tcp closed unknown"],
  ["never answers", { ...bare, connections: 0, errors: [{ probe: "connect", error: "no connection in time" }] }, "8443/tcp filtered unknown"],
  ["speaks SSH", { ...bare, port: 22, speaks: "ssh" }, "22/tcp open  ssh"],
  ["has STARTTLS", { ...secure, starttls: "smtp", speaks: "smtp" }, "8443/tcp open  smtp"],
] as const) {
  test(`auditNmap() of a port that ${name}`, () => assert.equal(auditNmap(report).split("\n")[4], line));
}

test("no report lets a certificate move the terminal's cursor", () => {
  for (const text of [auditText(secure), auditSummary(secure), auditJson(secure)]) assert.ok(!text.includes("\u001b"));
  assert.deepEqual(JSON.parse(auditJson(secure)), secure);
});

/** Every optional part, and strings that a hostile peer would like to see printed as they are. */
const full: AuditReport = {
  ...secure,
  starttls: "smtp",
  reachable: "published at 0.0.0.0:8443",
  protocols: { ...secure.protocols, SSLv2: { ciphers: [{ id: "0x010080", name: "SSL2_RC4_128_WITH_MD5", strength: "F" }], warnings: [] } },
  groups: ["x25519", "secp256r1"],
  signatureSchemes: ["rsa_pss_rsae_sha256"],
  features: {
    alpn: ["h2"], extendedMasterSecret: true, secureRenegotiation: false, fallbackScsv: true, tickets: true, resumption: { sessionId: false, ticket: true }, earlyData: 0, clientCertificate: "optional",
    sni: { withoutName: "same", unknownName: "refused" }, heartbeat: false, dhPrime: { bits: 1024, known: "nginx 1024" },
  },
  chains: [
    {
      keyType: "rsa", protocols: ["TLSv1.2"], sent: ["AA"], isTrusted: false, distrust: "it expired", isOrdered: false, superfluous: ["CN=<img>"], missingIssuer: "CN=ca", hostMatches: false,
      ocsp: { status: "revoked", detail: "on Monday" }, scts: [{ logId: "00", timestamp: "2026-01-01T00:00:00.000Z" }],
    },
  ],
  weaknesses: { heartbleed: "not applicable", robot: "unknown", rc4: "vulnerable", beast: "not vulnerable" },
  findings: [{ id: "rc4", severity: "high", title: "RC4", evidence: "<script>alert(1)</script>\u0007", explanation: "It is broken." }],
  grade: { letter: "T", score: 80, scores: { protocol: 95, keyExchange: 90, cipher: 60 }, caps: [{ cap: "T", reason: "it expired" }, { cap: "B", reason: "RC4" }], ignoringTrust: "B" },
  datagram: { dtls: { versions: ["DTLSv1.2"], cipher: { id: "0xC02F", name: "TLS_X" }, certificates: [] }, quic: { versions: ["QUICv1"], alpn: ["h3"], certificates: [] } },
  errors: [{ probe: "robot", error: "no answer & more" }],
};

test("auditText() says everything, what matters first", () => {
  const text = auditText(full);
  assert.equal(
    text.split("\n")[0],
    String.raw`web:8443 SSLv2 TLSv1.2 after STARTTLS (smtp), grade T (B without trust), least strength A, 2 suites, CN=\u001b[31mevil\u000a until 2027-01-01, rc4, over UDP DTLSv1.2 QUICv1, 12 ms, 3 connections`,
  );
  for (const line of [
    "grade T (B without trust), score 80: protocols 95, key exchange 90, ciphers 60", "  T   at best: it expired", String.raw`  high     RC4: <script>alert(1)</script>\u0007`, "  groups                  x25519, secp256r1",
    "  server name (SNI)       without one: same certificate; unknown one: refused", "  resumption              session id: no, ticket: yes, pre-shared key: not known", "  trust        no: it expired", "  OCSP staple  revoked: on Monday",
    "  could not tell  robot", "  QUIC  QUICv1", "  robot: no answer & more",
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
  const modern = { ...protocol, groups: ["X25519MLKEM768"], groupPreference: "server", chacha20First: true } as const;
  const lines = auditText({ ...full, protocols: { "TLSv1.3": modern, "TLSv1.2": { ...protocol, groups: ["x25519"], equalPreference: ["TLS_A", "TLS_B"] } } }).split("\n");
  for (const line of ["  groups of TLSv1.2       x25519", "  groups of TLSv1.3       X25519MLKEM768 (server's order)", "  equals of TLSv1.2       TLS_A, TLS_B", "  order of TLSv1.3        ChaCha20 first for clients that put it first"]) {
    assert.ok(lines.includes(line), lines.join("\n"));
  }
});

test("auditNmap() and its XML leave out what ssl-enum-ciphers does not know", () => {
  assert.ok(!auditNmap(full).includes("SSLv2"));
  assert.ok(!auditNmapXml([full], "1.0").includes("SSLv2"));
  assert.ok(!auditNmap({ ...full, protocols: { SSLv2: full.protocols["SSLv2"] ?? { ciphers: [], warnings: [] } } }).includes("ssl-enum-ciphers"));
});

/** A document as Python's parser sees it: tags, attributes, text, children. */
function parsed(xml: string): unknown {
  const program = "import sys,json,xml.etree.ElementTree as E\nf=lambda e:[e.tag,e.attrib,(e.text or '').strip(),[f(c) for c in e]]\nprint(json.dumps(f(E.fromstring(sys.stdin.buffer.read()))))";
  return JSON.parse(execFileSync("python3", ["-c", program], { input: xml, encoding: "utf8" }));
}

test("auditNmapXml() is XML whatever a host is called, one host element for each", { skip: existsSync("/usr/bin/python3") ? false : "needs python3" }, () => {
  const named = { ...full, host: '"><x>\u0001\ud800&', address: "192.0.2.1" };
  const unnamed: AuditReport = { ...bare, host: "nosuch.invalid", connections: 0 };
  const other = { ...secure, container: "other" };
  const document = JSON.stringify(parsed(auditNmapXml([{ ...named, container: named.host }, secure, { ...secure, port: 1 }, other, { ...bare, host: "::1", connections: 0 }, unnamed], "1.0")));
  assert.match(document, /"name":"\\"><x>\ufffd\ufffd&"/);
  assert.equal(document.match(/\["host",/g)?.length, 4, "two containers with one address are two hosts");
  assert.equal(document.match(/\["port",/g)?.length, 5);
  assert.match(document, /"addr":"192.0.2.1","addrtype":"ipv4"/);
  assert.match(document, /"addr":"::1","addrtype":"ipv6"/);
  assert.match(document, /\["target",\{"specification":"nosuch.invalid","status":"skipped","reason":"invalid"\}/);
  assert.match(document, /\["scaninfo",\{"type":"connect","protocol":"tcp","numservices":"2","services":"1,8443"\}/);
  assert.match(document, /\["hosts",\{"up":"3","down":"1","total":"4"\}/);
});

const validator = ["/usr/bin/xmllint", "/usr/share/nmap/nmap.dtd"].find((path) => !existsSync(path));

test("auditNmapXml() is valid by nmap's document type", { skip: validator === undefined ? false : `needs ${validator}` }, () => {
  const xml = auditNmapXml([full, secure, { ...bare, host: "nosuch.invalid", connections: 0 }, { ...bare, speaks: "ssh" }], "1.0");
  execFileSync("xmllint", ["--noout", "--dtdvalid", "/usr/share/nmap/nmap.dtd", "-"], { input: xml, stdio: ["pipe", "inherit", "inherit"] });
});

test("auditNmapXml() of nothing is a document", () => assert.match(auditNmapXml([], "1.0"), /<nmaprun [^]*<hosts up="0" down="0" total="0"\/>\n<\/runstats>\n<\/nmaprun>\n$/));

test("auditHtml() shows everything and runs nothing of a peer's", () => {
  const page = auditHtml([full]);
  assert.ok(!/<script|<img|\son\w+=|https?:\/\/|@import|url\(/i.test(page), "nothing active, nothing from elsewhere");
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.match(page, /default-src 'none'/);
  for (const part of ["SSL2_RC4_128_WITH_MD5", "it expired", "published at 0.0.0.0:8443", "Chain of the rsa key", "CN=&lt;img&gt;", "It is broken.", "no answer &amp; more", 'value="95"']) assert.ok(page.includes(part), part);
  assert.ok(!page.includes("[object"));
});

test("auditHtml() of several targets begins with an overview, worst first", () => {
  const page = auditHtml([bare, { ...full, target: "bad:1" }, { ...secure, target: "good:2", grade: { letter: "A", score: 90, scores: { protocol: 1, keyExchange: 1, cipher: 1 }, caps: [] } }]);
  assert.deepEqual([...page.matchAll(/<a href="#target-\d">([^<]+)</g)].map(([, target]) => target), ["bad:1", "good:2", "web:8443"]);
});

test("attentionRank() goes by encryption, then by trust", () => {
  const graded = (letter: string, ignoringTrust?: string): AuditReport => ({ ...secure, grade: { letter, score: 1, scores: { protocol: 1, keyExchange: 1, cipher: 1 }, caps: [], ...(ignoringTrust === undefined ? {} : { ignoringTrust }) } });
  const sorted = [bare, graded("A"), graded("T", "A"), graded("F"), graded("T", "F"), graded("A+")].toSorted((a, b) => attentionRank(b) - attentionRank(a));
  assert.deepEqual(sorted.map(({ grade }) => `${grade?.letter} ${grade?.ignoringTrust}`), ["T F", "F undefined", "T A", "A undefined", "A+ undefined", "undefined undefined"]);
});
