import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/fixtures/free-port.ts";
import { makeCertificate, pemOf } from "../../test/fixtures/made-certificate.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { audit } from "./audit.ts";
import { readHttpHead } from "./http-facts.ts";
import type { AuditReport } from "./report.ts";

function examine(port: number): Promise<AuditReport> {
  return audit(
    {
      label: "x",
      host: "localhost",
      port,
      serverName: "localhost",
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
    },
    { targetTimeoutMs: 60_000 },
  );
}

const idsOf = ({ findings }: AuditReport): string[] =>
  findings.map(({ id }) => id).filter((id) => /hsts|cookie/.test(id));

describe("httpFacts() of Node's server", () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  async function serve(answer: (response: ServerResponse) => void): Promise<number> {
    const { der, key } = makeCertificate();
    const server = createServer(
      { cert: pemOf(der), key: key.privateKey.export({ type: "pkcs8", format: "pem" }) },
      (_, response) => answer(response),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
    return (server.address() as { port: number }).port;
  }

  test("a bare page with a cookie", async () => {
    const port = await serve((response) =>
      response
        .writeHead(200, { "set-cookie": ["session=1; HttpOnly", "safe=2; Secure", "odd"] })
        .end("page"),
    );
    const report = await examine(port);
    assert.deepEqual(report.features?.http, { status: 200, insecureCookies: ["session", "odd"] });
    assert.deepEqual(idsOf(report), ["insecure-cookie", "no-hsts"]);
  });

  test("a redirect with HSTS for a day", async () => {
    const port = await serve((response) =>
      response
        .writeHead(302, { location: "/login", "strict-transport-security": "max-age=86400" })
        .end(),
    );
    const report = await examine(port);
    assert.deepEqual(report.features?.http, {
      status: 302,
      location: "/login",
      hsts: { maxAge: 86_400, includesSubdomains: false, preload: false },
    });
    assert.deepEqual(idsOf(report), ["no-hsts"]);
  });

  test("a server that never ends its head costs its time and no more", async () => {
    const port = await serve((response) => {
      const { socket } = response;
      socket?.on("error", () => {});
      const more = (): void => {
        if (socket?.destroyed === false) socket.write("x".repeat(65_536), more);
      };
      more();
    });
    const report = await examine(port);
    assert.equal(report.features?.http, undefined);
    assert.equal(report.tls, true);
  });
});

describe("httpFacts() of nginx", { skip: opensslMissing() ?? nginxMissing() ?? false }, () => {
  const servers = new TlsServers();
  let pid: number | undefined;
  after(() => {
    if (pid !== undefined) process.kill(pid, "SIGQUIT");
    servers.stop();
  });

  test("HSTS for two years, below the name, preloaded", async () => {
    const port = await freePort();
    const { key, certificate } = servers.keyPair("rsa:2048");
    const file = join(servers.folder, "nginx.conf");
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${servers.folder}/nginx.pid; error_log /dev/null;
events {}
http { access_log off; client_body_temp_path ${servers.folder}/b; proxy_temp_path ${servers.folder}/p;
fastcgi_temp_path ${servers.folder}/f; uwsgi_temp_path ${servers.folder}/u; scgi_temp_path ${servers.folder}/s;
server { listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always; return 404; } }`,
    );
    const child = spawn("/usr/sbin/nginx", ["-c", file, "-p", servers.folder], { stdio: "ignore" });
    pid = child.pid;
    for (let turn = 0; turn < 200 && !(await answers(port)); turn += 1) await sleep(50);
    const report = await examine(port);
    assert.deepEqual(report.features?.http, {
      status: 404,
      hsts: { maxAge: 63_072_000, includesSubdomains: true, preload: true },
    });
    assert.deepEqual(idsOf(report), []);
  });
});

test("readHttpHead() takes what is HTTP, and no number that is none", () => {
  assert.equal(readHttpHead("* OK IMAP4 ready"), undefined);
  assert.equal(readHttpHead(""), undefined);
  const hsts = (value: string): number | undefined =>
    readHttpHead(`HTTP/1.1 200 OK\r\nSTRICT-Transport-Security:${value}`)?.hsts?.maxAge;
  assert.deepEqual(
    ["max-age=5", ' max-age="7" ; preload', "max-age=", "max-age=-1", "maxage=5"].map(hsts),
    [5, 7, undefined, undefined, undefined],
  );
});

function nginxMissing(): string | undefined {
  return existsSync("/usr/sbin/nginx") ? undefined : "needs nginx";
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
