import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
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

/** What a server offers, without what differs from run to run. */
function offer({ protocols, groups, signatureSchemes, errors }: AuditReport): unknown {
  return { protocols, groups, signatureSchemes, errors };
}

describe("audit() of a server behind a gate", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());

  /**
   * Lets `burst` connections through, and treats all within `pauseMs` of the last of them
   * otherwise.
   */
  function gate(
    behind: number,
    {
      burst,
      pauseMs,
      refuse,
    }: { burst: number; pauseMs: number; refuse: (socket: Socket) => void },
  ): Promise<number> {
    let [left, closedUntil] = [burst, 0];
    return servers.plain((socket) => {
      if (left === 0) [left, closedUntil] = [burst, Date.now() + pauseMs];
      if (Date.now() < closedUntil) return refuse(socket);
      left -= 1;
      const inner = connect({ host: "127.0.0.1", port: behind });
      inner.on("error", () => socket.destroy());
      inner.on("close", () => socket.destroy());
      socket.on("close", () => inner.destroy());
      socket.pipe(inner).pipe(socket);
    });
  }

  for (const [name, refuse] of [
    ["closes", (socket: Socket) => void socket.end()],
    ["resets", (socket: Socket) => void socket.resetAndDestroy()],
  ] as const) {
    test(`one that ${name} what comes too fast: the same facts, by waiting`, async () => {
      const port = await servers.openssl(servers.keyPair("rsa:2048"));
      const guarded = await gate(port, { burst: 12, pauseMs: 200, refuse });
      assert.deepEqual(offer(await examine(guarded)), offer(await examine(port)));
    });
  }

  test("one that never opens again: what was learnt stays, and the rest is told as refused", async () => {
    const port = await servers.openssl(servers.keyPair("rsa:2048"));
    const report = await examine(
      await gate(port, {
        burst: 8,
        pauseMs: 60_000,
        refuse: (socket) => void socket.resetAndDestroy(),
      }),
    );
    assert.ok(report.tls && Object.keys(report.protocols).length > 0);
    assert.match(
      JSON.stringify(report.errors),
      /refused after it had answered \(\d+ connections\), as servers that limit rates do/,
    );
  });

  test("one that stops listening for a while is asked again", async () => {
    const port = await servers.openssl(servers.keyPair("rsa:2048"), "-tls1_2");
    let opened = 0;
    const flaky = {
      label: "t",
      host: "127.0.0.1",
      port,
      connect: async (signal: AbortSignal) =>
        connectDirectly("127.0.0.1", (opened += 1) === 9 ? 1 : port, { signal }),
    };
    const report = await audit(flaky);
    assert.deepEqual(offer(report), offer(await examine(port)));
  });
});
