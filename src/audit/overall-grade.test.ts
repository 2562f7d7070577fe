import assert from "node:assert/strict";
import { test } from "node:test";
import { CIPHER_SUITES } from "../tls/cipher-suites.ts";
import { type GradedReport, overallGrade } from "./overall-grade.ts";

const LEAF: GradedReport["certificates"][number] = {
  subject: "CN=x",
  issuer: "CN=ca",
  notBefore: "",
  notAfter: "",
  names: [],
  keyType: "rsa",
  keyBits: 2048,
  signatureAlgorithm: "sha256WithRSAEncryption",
  serialNumber: "1",
  fingerprintSha256: "AA",
  isSelfSigned: false,
};
const CHAIN: NonNullable<GradedReport["chains"]>[number] = {
  keyType: "rsa",
  protocols: [],
  sent: ["AA"],
  isTrusted: true,
  isOrdered: true,
  superfluous: [],
};

/** Suites with what their key exchange rests on: `ECDHE_RSA_WITH_AES_128_GCM_SHA256 secp256r1`. */
function protocol(...suites: readonly string[]): GradedReport["protocols"][string] {
  const ciphers = suites.map((text) => {
    const [name = "", ...info] = text.split(" ");
    const suite = [...CIPHER_SUITES.values()].find((one) => one.name === `TLS_${name}`);
    assert.ok(suite !== undefined, name);
    return {
      id: `0x${suite.id.toString(16)}`,
      name: suite.name,
      kexInfo: info.join(" "),
      strength: "A",
    };
  });
  return { ciphers, warnings: [] };
}

const MODERN = {
  "TLSv1.2": protocol(
    "ECDHE_RSA_WITH_AES_128_GCM_SHA256 secp256r1",
    "ECDHE_RSA_WITH_AES_256_GCM_SHA384 ecdh_x25519",
  ),
  "TLSv1.3": protocol(
    "AKE_WITH_AES_128_GCM_SHA256 ecdh_x25519",
    "AKE_WITH_AES_256_GCM_SHA384 X25519MLKEM768",
  ),
};

function graded(more: Partial<GradedReport>): string {
  const grade = overallGrade({
    protocols: MODERN,
    certificates: [LEAF],
    chains: [CHAIN],
    findings: [],
    ...more,
  });
  return `${grade?.letter} ${grade?.score}${grade?.ignoringTrust === undefined ? "" : ` else ${grade.ignoringTrust}`} ${grade?.caps.map(({ cap, reason }) => `${cap}: ${reason}`).join(" | ")}`.trimEnd();
}

const finding = (id: string): GradedReport["findings"][number] => ({
  id,
  severity: "high",
  title: `the title of ${id}`,
  evidence: "",
});

test("overallGrade() of a current server is A+", () => assert.equal(graded({}), "A+ 93"));

test("overallGrade() computes SSL Labs' score", () => {
  const grade = overallGrade({
    protocols: {
      "TLSv1.0": protocol("RSA_WITH_AES_128_CBC_SHA rsa 2048"),
      "TLSv1.2": protocol("RSA_WITH_AES_256_CBC_SHA rsa 2048"),
    },
    certificates: [LEAF],
    chains: [CHAIN],
    findings: [],
  });
  assert.deepEqual(grade?.scores, { protocol: 95, keyExchange: 90, cipher: 90 });
  assert.equal(grade?.score, 91);
  assert.equal(grade?.letter, "B");
});

test("overallGrade() gives the reason of each cap, strictest first", () => {
  assert.equal(
    graded({ findings: [finding("no-tls13"), finding("heartbleed"), finding("old-tls")] }),
    "F 93 F: the title of heartbleed | B: the title of old-tls | A-: the title of no-tls13",
  );
  assert.equal(
    graded({ findings: [finding("fallback-scsv")] }),
    "A 93 A: the title of fallback-scsv",
  );
  assert.equal(graded({ findings: [finding("no-tls13")] }), "A- 93 A-: the title of no-tls13");
});

test("overallGrade() of suites and keys", () => {
  assert.match(
    graded({ protocols: { "TLSv1.2": protocol("DH_anon_WITH_AES_128_GCM_SHA256 dh 2048") } }),
    /^F 0$/,
  );
  assert.match(
    graded({ protocols: { "TLSv1.2": protocol("RSA_WITH_NULL_SHA256 rsa 2048") } }),
    /^F 0 /,
  );
  assert.match(
    graded({ protocols: { "TLSv1.2": protocol("DHE_RSA_WITH_AES_128_GCM_SHA256 dh 1024") } }),
    /^B 86 B: Keys of less than 2048 bits$/,
  );
  assert.match(
    graded({
      protocols: {
        "TLSv1.2": protocol(
          "RSA_WITH_RC4_128_SHA rsa 2048",
          "ECDHE_RSA_WITH_AES_128_GCM_SHA256 secp256r1",
        ),
      },
    }),
    /^C \d+ C: RC4 is offered in TLS 1.1 or newer$/,
  );
  assert.match(
    graded({ protocols: { "TLSv1.0": protocol("RSA_WITH_3DES_EDE_CBC_SHA rsa 2048") } }),
    /^C \d+ C: TLS 1.2 is not offered \| B: No suite with authenticated encryption/,
  );
  assert.match(
    graded({ protocols: { SSLv3: protocol("RSA_WITH_AES_256_CBC_SHA rsa 2048") } }),
    /^F \d+ F: Nothing newer than SSLv3/,
  );
  assert.match(
    graded({ certificates: [{ ...LEAF, keyBits: 512 }] }),
    /^F \d+ F: Keys of less than 1024 bits$/,
  );
  assert.match(
    graded({ certificates: [{ ...LEAF, keyType: "ec", keyBits: 1, curve: "secp160r1" }] }),
    /^B /,
  );
});

test("overallGrade() of trust: T, M, and the letter without them", () => {
  const untrusted = { ...CHAIN, isTrusted: false, distrust: "it is signed by itself" };
  assert.equal(
    graded({ chains: [untrusted] }),
    "T 93 else A+ T: The certificate (rsa) is not trusted: it is signed by itself",
  );
  assert.equal(
    graded({ chains: [{ ...CHAIN, hostMatches: false }], findings: [finding("no-tls13")] }),
    "M 93 else A- M: The certificate is for another name | A-: the title of no-tls13",
  );
  assert.match(
    graded({ certificates: [{ ...LEAF, signatureAlgorithm: "sha1WithRSAEncryption" }] }),
    /^T /,
  );
  assert.match(
    graded({ certificates: [{ ...LEAF, signatureAlgorithm: "md5WithRSAEncryption" }] }),
    /^F /,
  );
  const root = {
    ...LEAF,
    subject: "CN=root",
    fingerprintSha256: "BB",
    isSelfSigned: true,
    signatureAlgorithm: "md5WithRSAEncryption",
  };
  assert.equal(
    graded({ certificates: [LEAF, root], chains: [{ ...CHAIN, sent: ["AA", "BB"] }] }),
    "A+ 93",
    "a root's own signature is nobody's concern",
  );
  assert.equal(
    graded({
      certificates: [LEAF, { ...root, isSelfSigned: false }],
      chains: [{ ...CHAIN, sent: ["AA", "BB"], superfluous: ["CN=root"] }],
    }),
    "A+ 93",
    "nor is what is no part of the path",
  );
});

test("overallGrade() of a chain that lacks an issuer", () => {
  const lacking = {
    ...CHAIN,
    isTrusted: false,
    distrust: "an issuer is missing",
    missingIssuer: "CN=ca",
  };
  assert.match(
    graded({ chains: [lacking] }),
    /^T 93 else A\+ T: [^|]*$/,
    "a private authority's own certificate is not sent",
  );
  assert.match(
    graded({
      chains: [lacking],
      certificates: [{ ...LEAF, issuerUrls: ["http://ca.test/ca.cer"] }],
    }),
    /^T 93 else B T: [^|]* \| B: The chain lacks an issuer: CN=ca$/,
  );
});

test("overallGrade() is not misled by the numbers of groups without a name", () => {
  assert.equal(
    graded({
      protocols: { "TLSv1.2": protocol("ECDHE_RSA_WITH_AES_128_GCM_SHA256 group 0x0017") },
    }),
    "A+ 89",
  );
});

test("overallGrade() is undefined where nothing is spoken", () =>
  assert.equal(overallGrade({ protocols: {}, certificates: [], findings: [] }), undefined));

test("overallGrade() is undefined where a certificate belongs and none was read", () => {
  const without = { certificates: [], chains: [], findings: [] };
  assert.equal(overallGrade({ protocols: MODERN, ...without }), undefined);
  const anonymous = { "TLSv1.2": protocol("DH_anon_WITH_AES_128_GCM_SHA256 dh 2048") };
  assert.equal(overallGrade({ protocols: anonymous, ...without })?.letter, "F");
});
