import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { plainRecord } from "../../test/fixtures/scripted-tls.ts";
import { gate, type ReadHello, type Treatment } from "../../test/fixtures/strict-peers.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { connectDirectly } from "../ports/connect.ts";
import { incompleteText } from "../reports/audit-summary.ts";
import { audit } from "./audit.ts";
import type { AuditReport } from "./report.ts";

// Servers that answer to their own names alone: haproxy's strict-sni (alert 112; 40 before 2.9),
// Traefik's sniStrict, Caddy (internal_error).

/** SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3), for secp256r1. */
function retry({ suites, sessionId }: ReadHello): Uint8Array {
  const random = Buffer.from(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
    "hex",
  );
  const message = new ByteWriter().u8(2).vector(3, (hello) =>
    hello
      .u16(0x0303)
      .bytes(random)
      .vector(1, (id) => id.bytes(sessionId))
      .u16(suites[0] ?? 0)
      .u8(0)
      .vector(2, (extensions) => extensions.u16(43).u16(2).u16(0x0304).u16(51).u16(2).u16(23)),
  );
  return plainRecord(22, message.finish());
}

const REFUSALS: readonly {
  readonly name: string;
  readonly refuse: (hello: ReadHello) => Treatment;
  readonly says: RegExp;
}[] = [
  { name: "alert 40", refuse: () => 40, says: /alert 40 .*--sni NAME/ },
  { name: "alert 112", refuse: () => 112, says: /alert 112 .*--sni NAME/ },
  { name: "alert 80", refuse: () => 80, says: /alert 80 .*--sni NAME/ },
  { name: "the end", refuse: () => "close", says: /closes every connection .*--sni NAME/ },
  { name: "a reset", refuse: () => "reset", says: /resets every connection .*--sni NAME/ },
  // Go asks for a key before it looks for a certificate.
  {
    name: "alert 80, and a HelloRetryRequest before",
    refuse: (hello) => (hello.isModern && hello.groups.length > 1 ? retry(hello) : 80),
    says: /certificate.*alert 80 .*--sni NAME/,
  },
];

describe("audit() of a server that wants its name", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const behind = servers.openssl(servers.keyPair("rsa:2048"));

  for (const { name, refuse, says } of REFUSALS)
    test(`and gives others ${name}: not known what it has, and why`, async () => {
      const inner = await behind;
      const port = await servers.plain(
        gate(inner, (hello) => (isNamed(hello) ? "pass" : refuse(hello))),
      );
      for (const wrong of [undefined, "other.test"]) {
        const report = await examine(port, wrong);
        const why = report.tls === undefined ? report.errors[0]?.error : incompleteText(report);
        assert.match(why ?? "complete", says);
        assert.equal(report.grade, undefined);
      }
      const named = await examine(port, "audit.test");
      assert.deepEqual([Object.keys(named.protocols), named.errors], [["TLSv1.3", "TLSv1.2"], []]);
    });
});

function isNamed({ extensions }: ReadHello): boolean {
  return Buffer.from(extensions.get(0) ?? []).includes("audit.test");
}

function examine(port: number, serverName: string | undefined): Promise<AuditReport> {
  return audit(
    {
      label: "t",
      host: "127.0.0.1",
      port,
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      ...(serverName === undefined ? {} : { serverName }),
    },
    { connectionTimeoutMs: 300 },
  );
}
