import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { gate, splice } from "../../test/fixtures/strict-peers.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { auditSummary } from "../reports/audit-summary.ts";
import { audit } from "./audit.ts";
import type { AuditTarget } from "./audit-target.ts";

/** What is done with a connection that does not reach the server of TLS. */
const OTHERS: Readonly<Record<string, (socket: Socket) => void>> = {
  "a banner as SSH's": (socket) => void socket.end("SSH-2.0-test\r\n"),
  "plain HTTP": (socket) =>
    void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  "a word of no known protocol": (socket) => void socket.once("data", () => socket.end("Hi\n")),
  "a reset": (socket) => void socket.resetAndDestroy(),
};

// testssl/testssl.sh#2893 (another result each run), nabla-c0d3/sslyze#689 (a server that answers
// some connections): one answer of no TLS is no verdict on a port.
describe("audit() of a port that answers differently", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const behind = servers.openssl(
    servers.keyPair("rsa:2048"),
    "-www",
    "-cipher",
    "ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256",
  );

  for (const [name, treat] of Object.entries(OTHERS))
    for (const [turn, meets] of [
      ["first", (count: number) => count === 1],
      ["every odd", (count: number) => count % 2 === 1],
      ["every even", (count: number) => count % 2 === 0],
    ] as const)
      test(`${name} on ${turn} connection, TLS on the others`, async () => {
        const inner = await behind;
        let count = 0;
        const port = await servers.plain((socket) => {
          count += 1;
          if (meets(count)) treat(socket);
          else splice(socket, inner, Buffer.alloc(0));
        });
        const report = await audit(targetAt(port));
        const told = JSON.stringify(report.errors);
        const suites = Object.entries(report.protocols).map(([version, { ciphers }]) => [
          version,
          ciphers.length,
        ]);
        assert.deepEqual(Object.fromEntries(suites), { "TLSv1.3": 3, "TLSv1.2": 2 }, told);
        // A connection that was reset once may be anything.
        if (turn === "first" && name === "a reset") return;
        assert.ok(
          report.errors.some(({ code }) => code === "differs"),
          told,
        );
        assert.match(auditSummary(report), /answers differently/);
      });

  // What is no TLS five times in a row was taken for the server's way to refuse TLS 1.3.
  test("plain words to the first hellos of TLS 1.3, then to every other one", async () => {
    const inner = await behind;
    const met = { modern: 0, older: 0 };
    const port = await servers.plain(
      gate(inner, ({ isModern }) => {
        met[isModern ? "modern" : "older"] += 1;
        const isPlain = isModern ? met.modern <= 8 : met.older > 1 && met.older % 2 === 0;
        return isPlain ? Buffer.from("SSH-2.0-test\r\n") : "pass";
      }),
    );
    const report = await audit(targetAt(port));
    const told = JSON.stringify(report.errors);
    assert.equal(report.protocols["TLSv1.3"]?.ciphers.length, 3, told);
    assert.equal(report.protocols["TLSv1.2"]?.ciphers.length, 2, told);
  });
});

function targetAt(port: number): AuditTarget {
  const connect = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
  return { label: "t", host: "127.0.0.1", port, connect };
}
