import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Authority } from "../../../test/fixtures/authority.ts";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { AuditReport } from "../report.ts";
import { trustFrom } from "./trust-store.ts";

describe("audit() of certificate chains", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  const authority = new Authority(servers.folder);
  after(() => servers.stop());

  async function examine(port: number, caFile: string): Promise<AuditReport> {
    const now = (): Date => new Date(Date.now() + 3_600_000);
    const connect = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    return audit(
      { label: "localhost", host: "localhost", port, serverName: "localhost", connect },
      { trust: await trustFrom(caFile), now },
    );
  }

  test("finds a chain for each kind of key, trusted, with the staple verified", async () => {
    const { root, middle, leaf } = authority.chain();
    const rsa = authority.issue({
      subject: "/CN=localhost",
      issuer: middle,
      key: ["-algorithm", "RSA"],
      extensions: ["subjectAltName=DNS:localhost"],
    });
    const staple = authority.ocspResponse({ leaf, issuer: middle });
    const port = await servers.openssl(
      leaf,
      "-cert_chain",
      authority.bundle(middle),
      "-dcert",
      rsa.certificate,
      "-dkey",
      rsa.key,
      "-dcert_chain",
      authority.bundle(middle),
      "-status_file",
      staple,
    );
    const report = await examine(port, root.certificate);
    assert.deepEqual(report.errors, []);
    const shown = report.chains?.map(({ keyType, sent, isTrusted, hostMatches, anchor }) => [
      keyType,
      sent.length,
      isTrusted,
      hostMatches,
      anchor,
    ]);
    assert.deepEqual(shown?.toSorted(), [
      ["ec", 2, true, true, "O=Test, CN=Root"],
      ["rsa", 2, true, true, "O=Test, CN=Root"],
    ]);
    assert.equal(report.chains?.find(({ keyType }) => keyType === "ec")?.ocsp?.status, "good");
    const schemes = report.chains?.map((chain) => [chain.keyType, chain.signatureSchemes]);
    assert.deepEqual(Object.fromEntries(schemes ?? []), {
      ec: ["ecdsa_secp256r1_sha256"],
      rsa: ["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"],
    });
    assert.equal(report.features?.ocspStapling, true);
    assert.equal(report.certificates.length, 3);
  });

  test("a server that forgets its intermediate is told so", async () => {
    const { root, leaf } = authority.chain();
    const report = await examine(await servers.openssl(leaf), root.certificate);
    assert.deepEqual(
      report.findings
        .filter(({ id }) => /chain|intermediate|trust/.test(id))
        .map(({ id, evidence }) => `${id}: ${evidence}`),
      ["missing-intermediate: O=Test, CN=Middle"],
    );
  });

  test("an address that was asked for is held against the certificate's addresses", async () => {
    const { root, middle, leaf } = authority.chain();
    const port = await servers.openssl(leaf, "-cert_chain", authority.bundle(middle));
    const trust = await trustFrom(root.certificate);
    const letters: (string | undefined)[] = [];
    for (const identity of ["127.0.0.1", "127.0.0.2"]) {
      const connect = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
      const now = (): Date => new Date(Date.now() + 3_600_000);
      const target = { label: identity, host: identity, port, identity, connect };
      const report = await audit(target, { trust, now });
      letters.push(report.grade?.letter);
    }
    assert.deepEqual(letters, ["A+", "M"]);
  });
});
