import assert from "node:assert/strict";
import { test } from "node:test";
import { CIPHER_SUITES, cipherSuite, hasForwardSecrecy } from "./cipher-suites.ts";

for (const [id, name, keyExchange, key, cipher, bits, forwardSecrecy] of [
  [0x1301, "TLS_AKE_WITH_AES_128_GCM_SHA256", "AKE", undefined, "AES", 128, true],
  [0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE_RSA", "rsa", "AES", 128, true],
  [
    0xcca9,
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE_ECDSA",
    "ec",
    "CHACHA20",
    256,
    true,
  ],
  [0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "RSA", "rsa", "3DES", 112, false],
  [0x0004, "TLS_RSA_WITH_RC4_128_MD5", "RSA", "rsa", "RC4", 80, false],
  [0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "RSA_EXPORT", "rsa", "RC4", 40, false],
  [0x0014, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", "DHE_RSA_EXPORT", "rsa", "DES40", 40, true],
  [0x0018, "TLS_DH_anon_WITH_RC4_128_MD5", "DH_anon", undefined, "RC4", 80, false],
  [0x0002, "TLS_RSA_WITH_NULL_SHA", "RSA", "rsa", "NULL", 0, false],
  [0x0096, "TLS_RSA_WITH_SEED_CBC_SHA", "RSA", "rsa", "SEED", 128, false],
  [0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE_ECDSA", "ec", "AES", 256, true],
  [0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA", "PSK", undefined, "AES", 128, false],
] as const) {
  test(`cipherSuite() knows ${name}`, () => {
    const suite = cipherSuite(id);
    assert.deepEqual(
      [
        suite.name,
        suite.keyExchange,
        suite.certificateKey,
        suite.cipher,
        suite.bits,
        hasForwardSecrecy(suite),
      ],
      [name, keyExchange, key, cipher, bits, forwardSecrecy],
    );
  });
}

test("cipherSuite() keeps a code that no register has by its number", () => {
  assert.equal(cipherSuite(0x7a7a).name, "0x7A7A");
});

test("CIPHER_SUITES holds each code once, and every name is a suite's", () => {
  assert.equal(CIPHER_SUITES.size, 399);
  for (const suite of CIPHER_SUITES.values()) assert.match(suite.name, /^(?:TLS|SSL)_/);
});
