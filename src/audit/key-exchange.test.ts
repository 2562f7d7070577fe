import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { audit } from "./audit.ts";
import type { AuditReport } from "./report.ts";

function examine(port: number): Promise<AuditReport> {
  return audit({
    label: "t",
    host: "127.0.0.1",
    port,
    connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
  });
}

describe("audit() of key exchange and abilities", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const rsa = servers.keyPair("rsa:2048");

  test("finds all groups of both versions, in the server's order where it has one", async () => {
    const { protocols } = await examine(
      await servers.openssl(rsa, "-groups", "X448:P-256:ffdhe3072", "-serverpref"),
    );
    assert.deepEqual(protocols["TLSv1.3"]?.groups, ["x448", "secp256r1", "ffdhe3072"]);
    assert.deepEqual(
      [protocols["TLSv1.3"]?.groupPreference, protocols["TLSv1.2"]?.groupPreference],
      ["server", "server"],
    );
    assert.deepEqual(protocols["TLSv1.2"]?.groups, ["x448", "secp256r1"]);
  });

  test("finds the groups of a server whose certificate needs its own curve", async () => {
    const port = await servers.openssl(
      servers.keyPair("ec -pkeyopt ec_paramgen_curve:P-256"),
      "-tls1_2",
      "-groups",
      "P-256:X25519:P-384",
    );
    assert.deepEqual(
      new Set((await examine(port)).groups),
      new Set(["secp256r1", "x25519", "secp384r1"]),
    );
  });

  test("finds the signature schemes, and the certificates of both kinds that a server has", async () => {
    const ec = servers.keyPair("ec -pkeyopt ec_paramgen_curve:P-384");
    const schemes = "RSA+SHA256:RSA-PSS+SHA384:ECDSA+SHA384:RSA+SHA512";
    const report = await examine(
      await servers.openssl(
        rsa,
        "-dcert",
        ec.certificate,
        "-dkey",
        ec.key,
        "-no_tls1_3",
        "-sigalgs",
        schemes,
      ),
    );
    assert.deepEqual(
      new Set(report.signatureSchemes),
      new Set([
        "rsa_pkcs1_sha256",
        "rsa_pss_rsae_sha384",
        "ecdsa_secp384r1_sha384",
        "rsa_pkcs1_sha512",
      ]),
    );
    assert.deepEqual(report.certificates.map(({ keyType }) => keyType).toSorted(), ["ec", "rsa"]);
  });

  test("tells a server's order from its habit to move ChaCha20 to the front", async () => {
    const plain = await examine(await servers.openssl(rsa, "-tls1_2", "-serverpref"));
    const moved = await examine(
      await servers.openssl(rsa, "-tls1_2", "-serverpref", "-prioritize_chacha"),
    );
    assert.deepEqual(
      [plain.protocols["TLSv1.2"]?.cipherPreference, plain.protocols["TLSv1.2"]?.chacha20First],
      ["server", undefined],
    );
    assert.deepEqual(
      [moved.protocols["TLSv1.2"]?.cipherPreference, moved.protocols["TLSv1.2"]?.chacha20First],
      ["server", true],
    );
  });

  test("asks for application protocols, fallback, names and proofs", async () => {
    const port = await servers.openssl(
      rsa,
      "-alpn",
      "http/1.1,h2",
      "-no_ticket",
      "-legacy_renegotiation",
    );
    assert.deepEqual((await examine(port)).features, {
      extendedMasterSecret: true,
      encryptThenMac: true,
      secureRenegotiation: true,
      tickets: false,
      heartbeat: false,
      ocspStapling: false,
      clientCertificate: "no",
      alpn: ["http/1.1", "h2"],
      fallbackScsv: true,
      sni: { withoutName: "same", unknownName: "same" },
      dhPrime: { bits: 2048, known: "RFC 3526 MODP 2048" },
      // Without tickets OpenSSL still keeps sessions itself, in TLS 1.3 under a ticket that is only
      // their name.
      resumption: { sessionId: true, ticket: false, psk: true },
      earlyData: 0,
      clientRenegotiation: false,
    });
  });

  test("says nothing of a fallback where there is one version, and sees that a certificate is wanted", async () => {
    const { features } = await examine(
      await servers.openssl(rsa, "-tls1_2", "-verify", "1", "-cipher", "AES128-GCM-SHA256"),
    );
    assert.deepEqual(
      [
        features?.fallbackScsv,
        features?.clientCertificate,
        features?.encryptThenMac,
        features?.alpn,
      ],
      [undefined, "optional", undefined, []],
    );
  });
});
