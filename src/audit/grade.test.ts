import assert from "node:assert/strict";
import { test } from "node:test";
import { cipherSuite } from "../tls/cipher-suites.ts";
import { FlightReader } from "../tls/server-flight.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { type GradedCertificate, gradeSuite, worstLetter } from "./grade.ts";

function certificate(
  bits: number,
  more: Partial<GradedCertificate["report"]> = {},
): GradedCertificate {
  const report = {
    subject: "CN=x",
    issuer: "CN=x",
    notBefore: "",
    notAfter: "",
    names: [],
    keyType: "rsa",
    keyBits: bits,
    signatureAlgorithm: "sha256WithRSAEncryption",
    serialNumber: "1",
    fingerprintSha256: "",
    isSelfSigned: true,
    ...more,
  };
  return { report, keyKind: "rsa", rsaExponent: 65_537 };
}

const flight = new FlightReader();
const grade = (suite: number, cert: GradedCertificate | undefined, on = flight) =>
  gradeSuite({ suite: cipherSuite(suite), flight: on, certificate: cert, version: 0x0303 });

// ssl-enum-ciphers' table: RSA key exchange of some sizes with RC4 (80 bits), AES-128 and AES-256.
for (const [bits, letters] of [
  [511, "E C B"],
  [1023, "E C B"],
  [2047, "D A A"],
  [4095, "C A A"],
  [4096, "C A A"],
] as const) {
  test(`gradeSuite() of an RSA key with ${bits} bits: ${letters}`, () => {
    assert.equal(
      [0x0005, 0x002f, 0x0035].map((suite) => grade(suite, certificate(bits)).letter).join(" "),
      letters,
    );
  });
}

test("gradeSuite() caps at F what has no authentication, no encryption or a broken signature", () => {
  assert.deepEqual(
    [grade(0x0018, undefined).letter, grade(0x0002, certificate(2048)).letter],
    ["F", "F"],
  );
  const broken = grade(0x002f, certificate(2048, { signatureAlgorithm: "sha1WithRSAEncryption" }));
  assert.deepEqual(
    [broken.letter, broken.warnings],
    ["F", ["Insecure certificate signature (SHA1), score capped at F"]],
  );
  assert.equal(grade(0x002f, { ...certificate(2048), rsaExponent: 1 }).letter, "F");
});

test("gradeSuite() shows the ephemeral key, and warns where it is weaker than the certificate's", () => {
  const dh = new FlightReader();
  dh.keyExchange = new ByteWriter()
    .vector(2, (prime) => prime.bytes(new Uint8Array(128).fill(1)))
    .finish();
  const result = grade(0x0033, certificate(2048), dh);
  assert.deepEqual(
    [result.kexInfo, result.letter, result.warnings],
    ["dh 1024", "A", ["Key exchange (dh 1024) of lower strength than certificate key"]],
  );
});

test("gradeSuite() leaves a pre-shared key without a letter", () => {
  assert.deepEqual(
    [grade(0x008c, undefined).letter, worstLetter(["A", "unknown"]), worstLetter(["A", "C", "B"])],
    ["unknown", "A", "C"],
  );
});
