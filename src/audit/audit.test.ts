import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { auditNmap } from "../reports/audit-nmap.ts";
import { auditNmapXml } from "../reports/audit-nmap-xml.ts";
import { auditSummary } from "../reports/audit-summary.ts";
import { audit } from "./audit.ts";
import { needsAnotherLook } from "./needs-another-look.ts";
import type { AuditReport } from "./report.ts";

const nmapMissing = existsSync("/usr/bin/nmap") ? undefined : "needs nmap";

function examine(port: number, options: Parameters<typeof audit>[1] = {}): Promise<AuditReport> {
  return audit(
    {
      label: `127.0.0.1:${port}`,
      host: "127.0.0.1",
      port,
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
    },
    options,
  );
}

/** What nmap prints below `ssl-enum-ciphers`, margins and trailing blanks taken off. */
function block(output: string): string[] {
  const lines = output.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) => line.slice(2).trimEnd().trimStart() && line.slice(2).trimEnd());
}

// PostgreSQL 17 and MS-SQL 2022 end a connection whose ALPN is not theirs (scripted: Debian 12 has
// neither).
for (const [protocol, speaks] of [
  ["postgresql", "postgresql"],
  ["tds/8.0", "ms-sql"],
] as const)
  test(`audit() names what ${protocol} in ALPN shows to be inside TLS`, async (t) => {
    const servers = new TlsServers();
    t.after(() => servers.stop());
    const { key, certificate } = servers.keyPair("rsa:2048");
    const server = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(certificate), ALPNProtocols: [protocol] },
      (socket) => {
        socket.on("error", () => {});
        if (socket.alpnProtocol !== protocol) socket.destroy();
      },
    );
    await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
    t.after(() => server.close());
    const report = await examine((server.address() as { port: number }).port);
    assert.deepEqual(
      [report.tls, report.starttls, report.speaks, report.features?.alpn],
      [true, undefined, speaks, [protocol]],
    );
    assert.ok((report.protocols["TLSv1.3"]?.ciphers.length ?? 0) >= 3);
  });

describe("audit() of OpenSSL's server", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const rsa = servers.keyPair("rsa:2048");

  /** Each differs from the others in what nmap's script looks at. */
  const SERVERS: readonly (readonly [name: string, start: () => Promise<number>])[] = [
    ["as it comes", () => servers.openssl(rsa)],
    ["in the server's order", () => servers.openssl(rsa, "-serverpref")],
    [
      "with every suite, TLS 1.0 to 1.2",
      () => servers.openssl(rsa, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-no_tls1_3"),
    ],
    [
      "with every suite in the server's order",
      () =>
        servers.openssl(
          rsa,
          "-cipher",
          "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
          "-no_tls1_3",
          "-serverpref",
        ),
    ],
    [
      "with one suite",
      () => servers.openssl(rsa, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
    ],
    [
      "with an ECDSA certificate on P-256",
      () => servers.openssl(servers.keyPair("ec -pkeyopt ec_paramgen_curve:P-256"), "-no_tls1_3"),
    ],
    [
      "with a short key and a SHA-1 signature",
      () =>
        servers.openssl(
          servers.keyPair("rsa:1024", "-sha1"),
          "-tls1_2",
          "-cipher",
          "ALL:@SECLEVEL=0",
        ),
    ],
    ["that wants a client's certificate", () => servers.openssl(rsa, "-Verify", "1")],
  ];

  for (const [name, start] of SERVERS) {
    test(
      `${name}: the same lines as nmap's ssl-enum-ciphers`,
      { skip: nmapMissing ?? false },
      async () => {
        const port = await start();
        const report = await examine(port);
        const theirs = execFileSync(
          "nmap",
          ["-Pn", "-n", "-p", String(port), "--script", "ssl-enum-ciphers", "127.0.0.1"],
          { encoding: "utf8" },
        );
        assert.deepEqual(block(auditNmap(report)), block(theirs), JSON.stringify(report.errors));
      },
    );
  }

  test(
    "its XML has the same script element as nmap's",
    { skip: nmapMissing ?? (existsSync("/usr/bin/python3") ? false : "needs python3") },
    async () => {
      const port = await servers.openssl(
        rsa,
        "-cipher",
        "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        "-no_tls1_3",
        "-serverpref",
      );
      const theirs = execFileSync(
        "nmap",
        ["-Pn", "-n", "-p", String(port), "--script", "ssl-enum-ciphers", "-oX", "-", "127.0.0.1"],
        { encoding: "utf8" },
      );
      // Lua's tables have no order: elements with keys are compared in the keys' order.
      const program =
        "import sys,json,xml.etree.ElementTree as E\nf=lambda e:[e.tag,e.attrib,(e.text or '').strip(),sorted([f(c) for c in e],key=lambda c:c[1].get('key',''))]\nprint(json.dumps([f(s) for s in E.fromstring(sys.stdin.buffer.read()).iter('script')]))";
      const scripts = (xml: string): unknown =>
        JSON.parse(execFileSync("python3", ["-c", program], { input: xml, encoding: "utf8" }));
      assert.deepEqual(scripts(auditNmapXml([await examine(port)], "1")), scripts(theirs));
    },
  );

  // nmap offers no ecdsa_secp384r1_sha384, rsa_pss or ed25519 schemes in these versions, so it
  // finds less (TLS facts, A.2).
  for (const [name, newkey, more, keyType] of [
    ["P-384", "ec -pkeyopt ec_paramgen_curve:P-384", [], "ec"],
    ["RSA-PSS", "rsa-pss", [], "rsa-pss"],
    ["Ed25519", "ed25519", [], "ed25519"],
  ] as const) {
    test(`finds TLS 1.2 and 1.3 of a server with a certificate of ${name}`, async () => {
      const report = await examine(await servers.openssl(servers.keyPair(newkey, ...more)));
      assert.deepEqual(Object.keys(report.protocols).toSorted(), ["TLSv1.2", "TLSv1.3"]);
      assert.equal(report.certificates[0]?.keyType, keyType);
    });
  }

  test("shows the leaf certificate of a server with TLS 1.3 alone, and spends little", async () => {
    const report = await examine(await servers.openssl(rsa, "-tls1_3"));
    assert.deepEqual(Object.keys(report.protocols), ["TLSv1.3"]);
    assert.match(report.certificates[0]?.subject ?? "", /audit\.test/);
    assert.deepEqual(report.errors, []);
    // 3 suites and a refusal, 1 for the order, 1 that tells TLS from none, 9 more groups and a
    // refusal, 1 for their order, 3 signature schemes with the certificate and a refusal, 4 other
    // versions with SSLv2, 1 in plain text, a session and its resumption.
    assert.ok(report.connections <= 30, `${report.connections} connections`);
  });

  test("a server that is slow at hellos, and quick to refuse all else, is one of TLS", async () => {
    const behind = await servers.openssl(rsa, "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256");
    const port = await servers.plain((socket) =>
      socket.once("data", async (first: Buffer) => {
        socket.pause();
        if (first[0] === 22) await sleep(600);
        if (socket.destroyed) return;
        const inner = connect({ host: "127.0.0.1", port: behind });
        inner.on("error", () => socket.destroy()).on("close", () => socket.destroy());
        socket.on("close", () => inner.destroy());
        inner.write(first);
        socket.pipe(inner).pipe(socket);
      }),
    );
    const report = await examine(port);
    assert.deepEqual(
      [report.tls, Object.keys(report.protocols), report.errors],
      [true, ["TLSv1.3"], []],
    );
  });

  test("a report that is not whole says so, has no grade, and clears nothing", async () => {
    const behind = await servers.openssl(rsa, "-tls1_2");
    let answers = 0;
    const port = await servers.plain((socket) =>
      socket.once("data", async (first: Buffer) => {
        socket.pause();
        if ((answers += 1) > 6) await sleep(3000);
        if (socket.destroyed) return;
        const inner = connect({ host: "127.0.0.1", port: behind });
        inner.on("error", () => socket.destroy()).on("close", () => socket.destroy());
        socket.on("close", () => inner.destroy());
        inner.write(first);
        socket.pipe(inner).pipe(socket);
      }),
    );
    const report = await examine(port, { targetTimeoutMs: 2500 });
    assert.equal(report.tls, true);
    assert.equal(report.grade, undefined);
    assert.equal(report.leastStrength, "unknown");
    assert.ok(report.errors.some(({ code }) => code === "incomplete"));
    assert.equal(needsAnotherLook(report), true);
    for (const id of ["export", "anonymous", "null", "rc4", "freak"])
      assert.equal(report.weaknesses?.[id], "unknown", id);
    assert.match(auditSummary(report), /^\S+ INCOMPLETE \(target: the time for this target is up/);
    assert.match(auditNmap(report), /least strength: unknown\n\|_saker: INCOMPLETE/);
  });

  test("examines a server in Node with two versions at once", async (t) => {
    const server = createTlsServer({
      key: readFileSync(rsa.key),
      cert: readFileSync(rsa.certificate),
      minVersion: "TLSv1.2",
    }).listen(0, "127.0.0.1");
    server.on("tlsClientError", () => {});
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const report = await examine((server.address() as { port: number }).port);
    assert.deepEqual(Object.keys(report.protocols).toSorted(), ["TLSv1.2", "TLSv1.3"]);
    assert.equal(report.leastStrength, "A");
  });
});

describe("audit() of peers that are no TLS servers", () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const impatient = { connectionTimeoutMs: 300, targetTimeoutMs: 2000 };

  const PEERS: readonly (readonly [
    name: string,
    treat: Parameters<TlsServers["plain"]>[0],
    speaks: string | undefined,
    code?: string,
  ])[] = [
    [
      "speaks HTTP",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
      "http",
    ],
    [
      "speaks HTTP, and closes on what is none",
      (socket) =>
        socket.once("data", (data) =>
          data[0] === 0x47 ? socket.end("HTTP/1.0 200 OK\r\n\r\n") : socket.destroy(),
        ),
      "http",
    ],
    ["greets as SSH does", (socket) => socket.write("SSH-2.0-test\r\n"), "ssh"],
    [
      "greets as a mail server does",
      (socket) => socket.write("220 mail.test ESMTP Postfix\r\n"),
      "smtp",
    ],
    ["says a word that is too short to be told", (socket) => socket.end("OK\n"), "unknown"],
    [
      "answers queries of DNS alone",
      (socket) =>
        socket.on("data", (data) =>
          data.subarray(2, 4).toString() === "SK"
            ? socket.write(
                Buffer.from("\0\x11SK\x81\x80\0\x01\0\0\0\0\0\0\0\0\x02\0\x01", "latin1"),
              )
            : undefined,
        ),
      "dns",
    ],
    ["echoes", (socket) => void socket.pipe(socket), "unknown"],
    ["says nothing", () => {}, "silent", "silent"],
    ["closes at once", (socket) => socket.destroy(), undefined, "closed"],
    ["resets at once", (socket) => socket.resetAndDestroy(), undefined, "reset"],
    ["never stops talking", (socket) => talk(socket), "unknown"],
  ];

  for (const [name, treat, speaks, code] of PEERS) {
    test(`one that ${name}: ${code === undefined ? `no TLS, ${speaks}` : `no verdict, ${code}`}`, async () => {
      const report = await examine(await servers.plain(treat), impatient);
      const codes = report.errors.map((error) => error.code);
      assert.deepEqual(
        [report.tls, report.speaks, report.protocols, codes],
        code === undefined ? [false, speaks, {}, []] : [undefined, speaks, {}, [code]],
      );
      assert.equal(needsAnotherLook(report), code !== undefined);
    });
  }

  test("one that drips a record byte by byte is given up in time, and said to be", async () => {
    const port = await servers.plain((socket) => {
      const record = Buffer.from([
        22,
        3,
        3,
        0x40,
        0,
        2,
        0,
        0x3f,
        0xfc,
        ...Array.from({ length: 500 }, () => 0),
      ]);
      let at = 0;
      const timer = setInterval(
        () =>
          socket.destroyed ? clearInterval(timer) : socket.write(record.subarray(at, (at += 1))),
        50,
      );
    });
    const report = await examine(port, { connectionTimeoutMs: 200, targetTimeoutMs: 1500 });
    assert.deepEqual(report.protocols, {});
    assert.ok(
      report.errors.some((error) => error.probe === "target"),
      JSON.stringify(report.errors),
    );
  });

  test("a port that nobody listens on is an error, not an exception", async () => {
    const report = await examine(1, impatient);
    assert.deepEqual(
      [report.tls, report.connections, report.errors[0]?.probe, report.errors[0]?.code],
      [undefined, 0, "connect", "refused"],
    );
  });

  test(
    "a TLS port that dies under its examination leaves what was learnt",
    { skip: opensslMissing() ?? false },
    async () => {
      const port = await servers.openssl(servers.keyPair("rsa:2048"), "-naccept", "6");
      const report = await examine(port, impatient);
      assert.ok(report.errors.length > 0, JSON.stringify(report));
    },
  );
});

function talk(socket: {
  write(data: Buffer): boolean;
  destroyed: boolean;
  on(event: "drain", listener: () => void): unknown;
}): void {
  const noise = Buffer.alloc(65_536, 0x61);
  const more = (): void => {
    while (!socket.destroyed && socket.write(noise));
  };
  socket.on("drain", more);
  more();
}
