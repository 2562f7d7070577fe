import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { test } from "node:test";
import { makeCertificate, pemOf } from "../../test/fixtures/made-certificate.ts";
import { auditPort, auditText } from "./audit.ts";

test("auditPort examines a port by name or address, and says how it is called", async (t) => {
  const { der, key } = makeCertificate();
  const pem = key.privateKey.export({ type: "pkcs8", format: "pem" });
  const server = createServer({ key: pem, cert: pemOf(der) }, (socket) => socket.end());
  server.on("tlsClientError", () => {});
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const report = await auditPort({ host: "127.0.0.1", port });
  assert.deepEqual([report.tls, report.target], [true, `127.0.0.1:${port}`]);
  assert.match(auditText(report), /TLSv1\.3/);
});

test("auditPort never rejects for a peer, and always for what cannot be asked for", async () => {
  const { tls, errors } = await auditPort({ host: "no.such.invalid", port: 1 });
  assert.deepEqual([tls, errors.length > 0], [undefined, true]);
  const aborted = await auditPort({ host: "127.0.0.1", port: 1, signal: AbortSignal.abort() });
  assert.ok(aborted.errors.some(({ code }) => code === "aborted"));
  for (const [options, code] of [
    [{ host: "::1", port: 0 }, "USAGE_TARGET"],
    [{ host: "", port: 1 }, "USAGE_TARGET"],
    [{ host: "127.0.0.1", port: 65_536 }, "USAGE_TARGET"],
    [{ host: "127.0.0.1", port: 1, starttls: "nope" }, "USAGE_STARTTLS"],
  ] as const)
    await assert.rejects(auditPort(options), { code });
});
