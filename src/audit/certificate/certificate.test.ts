import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import { Authority, derOf } from "../../../test/fixtures/authority.ts";
import { opensslMissing } from "../../../test/fixtures/tls-servers.ts";
import { AppError } from "../../lib/errors.ts";
import { readOcspResponse } from "../../tls/ocsp.ts";
import { alternativeNames } from "../../tls/x509-extensions.ts";
import type { ChainReport } from "../report.ts";
import { readCertificate } from "./certificate.ts";
import { certificateFindings } from "./certificate-findings.ts";
import { matchesHost } from "./host-match.ts";
import { assessStaple } from "./revocation.ts";

const skip = opensslMissing();
const folder = mkdtempSync(join(tmpdir(), "saker-certificate-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const authority = new Authority(folder);

test("readCertificate() reads what Node reads of every root that Node brings", () => {
  for (const pem of rootCertificates) {
    const node = new X509Certificate(pem);
    const { report } = readCertificate(node.raw);
    const details = node.publicKey.asymmetricKeyDetails;
    assert.deepEqual(
      [
        report.serialNumber,
        report.fingerprintSha256,
        Date.parse(report.notAfter ?? ""),
        report.isAuthority,
        report.keyBits,
        report.keyType,
        report.isSelfSigned,
      ],
      [
        node.serialNumber.replace(/^0$/, "00"),
        node.fingerprint256,
        Date.parse(node.validTo),
        node.ca,
        details?.modulusLength,
        node.publicKey.asymmetricKeyType,
        true,
      ],
    );
    assert.equal(
      report.subject.replaceAll("\\", ""),
      node.subject.split("\n").join(", ").replaceAll("\\", ""),
    );
  }
  assert.ok(rootCertificates.length > 50);
});

test("readCertificate() reads the extensions", { skip }, () => {
  const issued = authority.issue({
    subject: "/C=DE/O=A, B/CN=localhost",
    extensions: [
      "subjectAltName=DNS:localhost,IP:10.1.2.3,IP:fe80::1,email:a@b.test,URI:https://x.test/",
      "tlsfeature=status_request",
      "keyUsage=digitalSignature,keyEncipherment",
      "extendedKeyUsage=serverAuth,1.2.3.4",
      "authorityInfoAccess=OCSP;URI:http://ocsp.test/,caIssuers;URI:http://ca.test/",
      "crlDistributionPoints=URI:http://crl.test/",
    ],
  });
  const { report } = readCertificate(derOf(issued));
  assert.deepEqual(
    { ...report, serialNumber: "", fingerprintSha256: "", notBefore: "", notAfter: "" },
    {
      subject: String.raw`C=DE, O=A\, B, CN=localhost`,
      issuer: String.raw`C=DE, O=A\, B, CN=localhost`,
      notBefore: "",
      notAfter: "",
      names: [
        "DNS:localhost",
        "IP Address:10.1.2.3",
        "IP Address:FE80:0:0:0:0:0:0:1",
        "email:a@b.test",
        "URI:https://x.test/",
      ],
      keyType: "ec",
      curve: "secp256r1",
      signatureAlgorithm: "ecdsa-with-sha256",
      serialNumber: "",
      fingerprintSha256: "",
      isSelfSigned: true,
      isAuthority: false,
      keyUsage: ["digitalSignature", "keyEncipherment"],
      extendedKeyUsage: ["serverAuth", "1.2.3.4"],
      mustStaple: true,
      ocspUrls: ["http://ocsp.test/"],
      issuerUrls: ["http://ca.test/"],
      crlUrls: ["http://crl.test/"],
    },
  );
});

test("readCertificate() says what is odd and reads the rest", { skip }, () => {
  const der = derOf(
    authority.issue({ subject: "/CN=odd", extensions: ["subjectAltName=DNS:odd"] }),
  );
  assert.deepEqual(readCertificate(Buffer.concat([der, Buffer.from("xyz")])).report.oddities, [
    "3 bytes behind its end",
  ]);
  const broken = Buffer.from(der);
  // The names' extension: its sequence gets a length that leads out of it.
  broken[broken.indexOf(Buffer.from("0603551d11", "hex")) + 8] = 0x7f;
  const { report } = readCertificate(broken);
  assert.equal(report.subject, "CN=odd");
  assert.deepEqual(
    report.unreadable?.map(({ part, bytes }) => [part, bytes]),
    [["names", "307f82036f6464"]],
  );
});

test("matchesHost() goes by RFC 9525", { skip }, () => {
  const { leaf } = authority.chain();
  const names = alternativeNames(readCertificate(derOf(leaf)).x509) ?? [];
  const cases = {
    localhost: true,
    "LOCALHOST.": true,
    "a.example.test": true,
    "a.b.example.test": false,
    "example.test": false,
    "127.0.0.1": true,
    "127.0.0.2": false,
    "::1": true,
    "0:0::1": true,
    other: false,
  };
  assert.deepEqual(
    Object.fromEntries(Object.keys(cases).map((host) => [host, matchesHost(names, host)])),
    cases,
  );
});

/** Names that a certificate holds, hosts that it is for, and hosts that it is not for. */
const MATCHES: readonly (readonly [names: readonly string[], yes: string[], no: string[]])[] = [
  [["*.test"], [], ["a.test", "test"]],
  [["*.a.test"], ["b.a.test", "B.A.test."], ["a.test", "c.b.a.test", ".a.test", "*.b.a.test"]],
  [
    ["xn--mnchen-3ya.test"],
    ["münchen.test", "MÜNCHEN.test", "xn--mnchen-3ya.test"],
    ["munchen.test"],
  ],
  [["*.xn--mnchen-3ya.test"], ["a.münchen.test", "ä.münchen.test"], ["münchen.test"]],
  [["xn--fa-hia.test"], ["faß.test"], ["fass.test"]],
  [
    ["f*.a.test", "*b.a.test", "a.*.test", "*"],
    [],
    ["foo.a.test", "b.a.test", "a.b.test", "localhost"],
  ],
  [["127.0.0.1", "*.0.0.1"], [], ["127.0.0.1", "1.0.0.1"]],
  [["", "."], [], ["", "."]],
  [["a.test\0.b.test"], [], ["a.test"]],
  [["a.test."], ["a.test"], []],
];

test("matchesHost() knows international names and wildcards as RFC 9525 has them", () => {
  for (const [values, yes, no] of MATCHES) {
    const names = values.map(
      (value) => ({ kind: "DNS", value, bytes: new Uint8Array(0) }) as const,
    );
    const matched = [...yes, ...no].filter((host) => matchesHost(names, host));
    assert.deepEqual(matched, yes, values.join());
  }
});

test("matchesHost() holds addresses against addresses alone", () => {
  const bytes = Uint8Array.of(10, 0, 0, 1);
  const names = [
    { kind: "IP Address", value: "10.0.0.1", bytes },
    { kind: "DNS", value: "10.0.0.2", bytes: new Uint8Array(0) },
    { kind: "URI", value: "10.0.0.3", bytes: new Uint8Array(0) },
  ] as const;
  const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "::ffff:10.0.0.1", "a.test"];
  assert.deepEqual(
    hosts.filter((host) => matchesHost(names, host)),
    ["10.0.0.1"],
  );
});

test("certificateFindings() tells the weaknesses of leaf and chain", { skip }, () => {
  const issued = authority.issue({
    subject: "/CN=short",
    key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    more: ["-days", "5", "-sha1"],
    extensions: ["tlsfeature=status_request"],
  });
  const { report } = readCertificate(derOf(issued));
  const chain: ChainReport = {
    keyType: "rsa",
    protocols: [],
    sent: [report.fingerprintSha256],
    isTrusted: false,
    distrust: "x",
    isOrdered: true,
    superfluous: [],
    hostMatches: false,
  };
  const found = (now: Date) =>
    certificateFindings([chain], [report], {}, { name: "localhost", now });
  const tomorrow = new Date(Date.now() + 4.5 * 86_400_000);
  assert.deepEqual(
    found(tomorrow).map(({ id, evidence }) => `${id}: ${evidence.replace(/\d{4}-.*Z/, "…")}`),
    [
      "weak-signature: sha1WithRSAEncryption (CN=short)",
      "small-key: rsa 1024 (CN=short)",
      "host-mismatch: localhost is not among no names at all",
      "must-staple: CN=short",
      "expires-soon: …, in 0 days",
      "no-names: CN=short",
      "self-signed: CN=short",
    ],
  );
  assert.equal(found(new Date(Date.now() + 6 * 86_400_000))[0]?.id, "expired");
  for (const { explanation } of found(tomorrow)) assert.match(explanation ?? "", /^[A-Z].*\.$/);
});

test(
  "certificates and OCSP responses with flipped, cut and added bytes are read or refused with our own error",
  { skip },
  () => {
    const { middle, leaf } = authority.chain();
    const [good, issuer] = [readCertificate(derOf(leaf)), readCertificate(derOf(middle))];
    const response = readFileSync(authority.ocspResponse({ leaf, issuer: middle }));
    const holds = (read: () => unknown): void => {
      try {
        read();
      } catch (thrown) {
        assert.ok(thrown instanceof AppError && thrown.code === "PEER_CERTIFICATE", String(thrown));
      }
    };
    const flips = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, fc.nat(2000), fc.boolean(), (changes, cut, isCut) => {
        const change = (bytes: Uint8Array): Uint8Array => {
          const copy = Uint8Array.from(bytes);
          for (const [at, value] of changes) copy[at % copy.length] = value;
          return isCut ? copy.subarray(0, cut % copy.length) : copy;
        };
        readCertificate(change(derOf(leaf)));
        holds(() => readOcspResponse(change(response)));
        assert.notEqual(assessStaple(change(response), good, issuer, new Date()).status, "revoked");
      }),
      { numRuns: 400 },
    );
  },
);
