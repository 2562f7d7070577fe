import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { openDatagram } from "../../ports/datagram.ts";
import { examineQuic } from "./quic.ts";

const servers = new TlsServers();
const folder = mkdtempSync(join(tmpdir(), "saker-quic-"));
after(() => {
  servers.stop();
  rmSync(folder, { recursive: true, force: true });
});

const missing =
  spawnSync("caddy", ["version"]).error === undefined
    ? false
    : "caddy is not installed: apt-get install caddy";

test(
  "examineQuic reads suite, group, protocol and a chain that needs our acknowledgements from Caddy (quic-go)",
  { skip: missing },
  async () => {
    const { key, certificate } = servers.keyPair("rsa:4096");
    const port = await freePort();
    // Three times, so that the flight is more than a server may send to an address that has proven
    // nothing (RFC 9000 §8.1).
    writeFileSync(
      join(folder, "chain.pem"),
      spawnSync("cat", [certificate, certificate, certificate]).stdout,
    );
    writeFileSync(
      join(folder, "Caddyfile"),
      `{\n\tadmin off\n\tauto_https off\n}\nhttps://:${port} {\n\tbind 127.0.0.1\n\ttls ${join(folder, "chain.pem")} ${key}\n\trespond "hi"\n}\n`,
    );
    const caddy = spawn(
      "caddy",
      ["run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")],
      { stdio: "ignore", env: { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } },
    );
    try {
      const notes: string[] = [];
      const options = {
        serverName: "audit.test",
        signal: AbortSignal.timeout(90_000),
        silenceMs: 500,
        note: (probe: string, error: string) => void notes.push(`${probe}: ${error}`),
      };
      let found: Awaited<ReturnType<typeof examineQuic>> = undefined as Awaited<
        ReturnType<typeof examineQuic>
      >;
      for (let turn = 0; turn < 100 && found === undefined; turn += 1) {
        await sleep(100);
        found = await examineQuic(() => openDatagram(undefined, "127.0.0.1", port), options);
      }
      assert.deepEqual(notes, []);
      assert.ok(found !== undefined && found.versions.includes("QUICv1"));
      assert.deepEqual(
        [found.cipher?.name, found.group, found.alpn],
        ["TLS_AKE_WITH_AES_128_GCM_SHA256", "x25519", ["h3"]],
      );
      // Go's fixed list for a machine with AES (crypto/tls, cipherSuitesTLS13), in its order.
      assert.deepEqual(
        found.protocols?.["QUICv1"]?.ciphers.map(({ name }) => name.replace(/^TLS_AKE_WITH_/, "")),
        ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"],
      );
      assert.deepEqual(
        found.certificates.map(({ subject, keyBits }) => [subject, keyBits]),
        [
          ["CN=audit.test", 4096],
          ["CN=audit.test", 4096],
          ["CN=audit.test", 4096],
        ],
      );
    } finally {
      const ended = new Promise((resolve) => caddy.once("exit", resolve));
      caddy.kill("SIGKILL");
      await ended;
    }
  },
);
