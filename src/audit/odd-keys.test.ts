import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { makeCertificate, rsaKeyInfo } from "../../test/fixtures/made-certificate.ts";
import { alertRecord, scriptedServer } from "../../test/fixtures/scripted-tls.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { audit } from "./audit.ts";
import type { AuditReport } from "./report.ts";

// No key that a server shows ends an audit: keys of 2047 bits, over 16384 and of a few bytes did.

const skip = opensslMissing() ?? false;

describe("audit() of odd keys", { skip }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());

  function examine(port: number, timeoutMs = 10_000): Promise<AuditReport> {
    return audit(
      {
        label: "x",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: timeoutMs, targetTimeoutMs: 60_000 },
    );
  }

  for (const bits of [512, 1023, 2041, 2047])
    test(`openssl with an RSA key of ${bits} bits is examined to the end`, async () => {
      const report = await examine(
        await servers.openssl(
          servers.keyPair(`rsa:${bits}`),
          "-cipher",
          "ALL:@SECLEVEL=0",
          "-no_tls1_3",
        ),
      );
      assert.equal(report.certificates[0]?.keyBits, bits);
      assert.equal(report.weaknesses?.["robot"], "not vulnerable");
      assert.deepEqual(report.errors, []);
    });

  /** A server of RSA key exchange that refuses what comes behind its flight. */
  const withModulus = async (bytes: number): Promise<AuditReport> => {
    const modulus = randomBytes(bytes);
    modulus[0] = (modulus[0] ?? 0) | 0x80;
    modulus[bytes - 1] = (modulus[bytes - 1] ?? 0) | 1;
    const { der: certificate } = makeCertificate({ publicKeyInfo: rsaKeyInfo(modulus) });
    const script = () => (_: unknown, socket: { end(bytes: Uint8Array): unknown }) =>
      void socket.end(alertRecord(40));
    return examine(await servers.plain(scriptedServer({ certificate, script })), 800);
  };

  test("a modulus of over 16384 bits: what needs it is unknown and says why, the rest stands", async () => {
    const report = await withModulus(2056);
    assert.equal(report.certificates[0]?.keyBits, 16_448);
    assert.equal(report.weaknesses?.["robot"], "unknown");
    assert.deepEqual(
      report.errors.filter(({ probe }) => probe === "robot").map(({ error }) => error),
      ["a key of 16448 bits cannot be computed with here"],
    );
    assert.equal(report.weaknesses?.["ccs-injection"], "not vulnerable");
  });

  for (const bytes of [1, 8, 32, 58])
    test(`a modulus of ${bytes} bytes ends no audit`, async () => {
      const report = await withModulus(bytes);
      assert.equal(report.certificates[0]?.keyBits, bytes * 8);
      assert.equal(report.weaknesses?.["robot"], "not applicable");
      assert.equal(report.grade?.letter, "T");
    });
});
