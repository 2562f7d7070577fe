import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:tls";
import { after, describe, test } from "node:test";
import {
  derDnsName,
  derExtension,
  derSequence,
  derTime,
  type MadeCertificate,
  type MadeKey,
  makeCertificate,
  pemOf,
} from "../../../test/fixtures/made-certificate.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import { TrustStore } from "../certificate/trust-store.ts";
import type { AuditReport } from "../report.ts";
import { COMPUTED_GROUPS, generateKey } from "./key-agreement.ts";

// Servers of Node, whose OpenSSL speaks them all: a server of one such group alone showed no
// certificate and was an A+, expired and signed by itself as it may be.

const GROUPS = [
  "X25519MLKEM768",
  "SecP256r1MLKEM768",
  "SecP384r1MLKEM1024",
  "MLKEM512",
  "MLKEM768",
  "MLKEM1024",
  "x448",
  "P-521",
  "ffdhe2048",
  "ffdhe3072",
  "brainpoolP256r1tls13",
  "brainpoolP384r1tls13",
  "brainpoolP512r1tls13",
];

describe("audit() of servers of TLS 1.3 with one group", () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  async function serve({ der, key }: MadeCertificate, group?: string): Promise<number> {
    const server = createServer({
      cert: pemOf(der),
      key: key.privateKey.export({ type: "pkcs8", format: "pem" }),
      minVersion: "TLSv1.3",
      ...(group === undefined ? {} : { ecdhCurve: group }),
    });
    server.on("tlsClientError", () => {});
    servers.push(server);
    await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
    return (server.address() as { port: number }).port;
  }

  function examine(port: number, trust?: TrustStore): Promise<AuditReport> {
    return audit(
      {
        label: "x",
        host: "localhost",
        port,
        serverName: "localhost",
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { targetTimeoutMs: 60_000, ...(trust === undefined ? {} : { trust }) },
    );
  }

  const expired = makeCertificate({ notAfter: derTime(new Date(Date.now() - 3_600_000)) });

  for (const group of GROUPS)
    test(`${group}: the certificate is read, and being expired makes a T`, async () => {
      const report = await examine(await serve(expired, group));
      const name = group === "P-521" ? "secp521r1" : group;
      assert.deepEqual(report.groups, [name]);
      assert.equal(report.certificates.length, 1);
      assert.ok(report.findings.some(({ id }) => id === "expired"));
      assert.equal(report.grade?.letter, "T");
      assert.deepEqual(report.errors, []);
    });

  const kinds = ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] as const;
  for (const kind of kinds)
    test(`a certificate with ${kind} is named, verified and trusted`, async () => {
      const key = generateKeyPairSync(kind as "ml-dsa-44") as MadeKey;
      const extensions = [derExtension("2.5.29.17", derSequence(derDnsName("localhost")))];
      const made = makeCertificate({ key, extensions });
      const report = await examine(await serve(made), new TrustStore("test", pemOf(made.der)));
      const [certificate] = report.certificates;
      assert.deepEqual(
        [certificate?.keyType, certificate?.signatureAlgorithm, certificate?.isSelfSigned],
        [kind, kind, true],
      );
      assert.deepEqual(report.signatureSchemes, [kind.replaceAll("-", "")]);
      assert.deepEqual([report.chains?.[0]?.isTrusted, report.grade?.letter], [true, "A+"]);
    });
});

test("readCertificate() verifies SLH-DSA, whatever its parameters", async () => {
  const { readCertificate } = await import("../certificate/certificate.ts");
  for (const kind of ["slh-dsa-sha2-128f", "slh-dsa-shake-128f", "slh-dsa-sha2-192f"]) {
    const key = generateKeyPairSync(kind as "slh-dsa-sha2-128f") as MadeKey;
    const { report } = readCertificate(makeCertificate({ key }).der);
    assert.deepEqual(
      [report.keyType, report.signatureAlgorithm, report.isSelfSigned, report.unreadable],
      [kind, kind, true, undefined],
    );
  }
});

test("generateKey() agrees with itself, and throws for a share of another length", () => {
  for (const group of COMPUTED_GROUPS) {
    const own = generateKey([group]);
    assert.equal(own?.share.group, group);
    assert.throws(() => own?.agree(new Uint8Array(7)), /a share of 7 bytes where \d+ belong/);
  }
  assert.equal(generateKey([0x0a0a]), undefined);
});
