import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { TlsServers, opensslMissing } from "../../../test/fixtures/tls-servers.ts";
import { until } from "../../../test/fixtures/until.ts";
import { openDatagram } from "../../ports/datagram.ts";
import { examineDtls } from "./dtls.ts";

const servers = new TlsServers();
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  servers.stop();
});

test(
  "examineDtls tells version, suite and certificate of OpenSSL with cookies",
  { skip: opensslMissing() ?? false },
  async () => {
    const report = await examine(await openssl("-dtls1_2", "-listen"));
    assert.deepEqual(report?.versions, ["DTLSv1.2"]);
    assert.equal(report?.certificates[0]?.subject, "CN=audit.test");
    assert.match(report?.cipher?.name ?? "", /^TLS_ECDHE_RSA_WITH_/);
  },
);

test(
  "examineDtls tells both versions of a server that takes them, without cookies",
  { skip: opensslMissing() ?? false },
  async () => {
    const report = await examine(
      await openssl("-dtls", "-cipher", "ALL:@SECLEVEL=0", "-mtu", "300"),
    );
    assert.deepEqual(report?.versions, ["DTLSv1.2", "DTLSv1.0"]);
    assert.equal(report?.certificates.length, 1);
  },
);

test(
  "examineDtls finds exactly the suites that a server was given, in its order",
  { skip: opensslMissing() ?? false },
  async () => {
    const given =
      "DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:AES128-SHA:ECDHE-RSA-AES128-SHA256";
    const port = await openssl("-dtls1_2", "-serverpref", "-cipher", given);
    const found = (await examine(port))?.protocols?.["DTLSv1.2"];
    assert.deepEqual(
      [found?.cipherPreference, found?.ciphers.map(({ name }) => name)],
      [
        "server",
        [
          "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_RSA_WITH_AES_128_CBC_SHA",
          "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        ],
      ],
    );
  },
);

test(
  "examineDtls reads GnuTLS, its group and its chain",
  { skip: existsSync("/usr/bin/gnutls-serv") ? false : "needs gnutls-bin" },
  async () => {
    const pair = servers.keyPair("rsa:4096");
    const port = await freePort();
    children.push(
      spawn(
        "/usr/bin/gnutls-serv",
        [
          "--udp",
          "--quiet",
          "--echo",
          "-p",
          `${port}`,
          "--x509keyfile",
          pair.key,
          "--x509certfile",
          pair.certificate,
          "--priority",
          "NORMAL:+VERS-DTLS1.0",
        ],
        { stdio: ["pipe", "ignore", "ignore"] },
      ),
    );
    await toListen(port);
    const report = await examine(port);
    assert.deepEqual(report?.versions, ["DTLSv1.2", "DTLSv1.0"]);
    assert.match(report?.group ?? "", /^(?:secp|x25519)/);
    assert.deepEqual(
      report?.certificates.map(({ keyBits }) => keyBits),
      [4096],
    );
    // It refuses by silence. `gnutls-cli --list --priority NORMAL:+VERS-DTLS1.0` names so many that
    // are for RSA keys.
    const counts = Object.values(report?.protocols ?? {}).map(({ ciphers }) => ciphers.length);
    assert.deepEqual(counts, [18, 6]);
  },
);

test(
  "examineDtls tells a refusal from a port that is no DTLS",
  { skip: opensslMissing() ?? false },
  async () => {
    const notes: string[] = [];
    const port = await openssl("-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert.equal(
      await examineDtls(() => openDatagram(undefined, "127.0.0.1", port), {
        ...patient(),
        note: (probe, error) => void notes.push(`${probe}: ${error}`),
      }),
      undefined,
    );
    assert.match(notes.join(), /^dtls: DTLSv1\.2 could not be read: the server answered alert/);
  },
);

test("examineDtls finds nothing where nobody listens, where nobody answers, and where garbage comes", async () => {
  const peer = createSocket("udp4");
  await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
  const { port } = peer.address();
  assert.equal(await examine(port), undefined);
  peer.on("message", (_, from) =>
    peer.send(Buffer.from("HTTP/1.1 400 Bad Request"), from.port, from.address),
  );
  assert.equal(await examine(port), undefined);
  await new Promise<void>((resolve) => peer.close(() => resolve()));
  assert.equal(await examine(port), undefined);
});

/** On a machine that has other things to do, too. */
const patient = () => ({ signal: AbortSignal.timeout(120_000), silenceMs: 2000 });

function examine(port: number): ReturnType<typeof examineDtls> {
  return examineDtls(() => openDatagram(undefined, "127.0.0.1", port), {
    ...patient(),
    note: () => {},
  });
}

async function openssl(...args: string[]): Promise<number> {
  const pair = servers.keyPair("rsa:2048");
  const port = await freePort();
  children.push(
    spawn(
      "openssl",
      [
        "s_server",
        "-4",
        "-quiet",
        "-accept",
        String(port),
        "-key",
        pair.key,
        "-cert",
        pair.certificate,
        ...args,
      ],
      { stdio: ["pipe", "ignore", "ignore"] },
    ),
  );
  await toListen(port);
  return port;
}

/** A server over UDP is ready when its socket is bound: there is nothing to connect to. */
async function toListen(port: number): Promise<void> {
  const bound = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} `);
  const sockets = (): string =>
    readFileSync("/proc/net/udp", "utf8") + readFileSync("/proc/net/udp6", "utf8");
  await until(`a socket at UDP ${port}`, () => bound.test(sockets()), { seen: sockets });
}
