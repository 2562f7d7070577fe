import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { request as requestByTls } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../../test/fixtures/until.ts";
import { ownPagePair } from "../history/page-certificate.ts";
import { startHealthServer } from "./health-server.ts";

for (const scheme of ["http", "https"] as const)
  test(`a probe is answered whoever holds connections, by ${scheme}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "saker-health-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const tls =
      scheme === "http"
        ? undefined
        : ownPagePair(join(folder, "own", "page.pem"), ["127.0.0.1"], Date.now());
    const server = await startHealthServer({
      address: "127.0.0.1",
      port: 0,
      tls,
      healthzPath: "/healthz",
      version: "1.2.3",
      metrics: undefined,
    });
    t.after(() => server.close());
    const held = Array.from({ length: 200 }, () =>
      connect({ port: server.port, host: "127.0.0.1", localAddress: "127.0.0.2" })
        .on("error", () => undefined)
        .on("connect", function (this: ReturnType<typeof connect>) {
          if (scheme === "http") this.write("GET /healthz HTTP/1.1\r\nX: ");
        }),
    );
    t.after(() => {
      for (const socket of held) socket.destroy();
    });
    await until("the connections", () => held.every(({ connecting }) => !connecting));
    const ask = scheme === "http" ? request : requestByTls;
    const to = { port: server.port, host: "127.0.0.1", path: "/healthz", agent: false };
    const answer = await new Promise((resolve, reject) => {
      ask({ ...to, rejectUnauthorized: false }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    assert.equal(answer, 200);
  });
