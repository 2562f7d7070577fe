import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { openDatagram } from "../../ports/datagram.ts";
import { examineDtls } from "./dtls.ts";

const servers = new TlsServers();
after(() => servers.stop());

/** NSS of Debian 12 serves DTLS 1.3; its wolfSSL 5.5 is built without, its GnuTLS 3.7 and mbedTLS 2.28 are older than theirs. */
function missing(): string | false {
  if (!existsSync("/usr/include/nss/ssl.h")) return "libnss3-dev is missing";
  for (const program of ["cc", "pkg-config", "certutil"])
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
      return `${program} is missing`;
  return false;
}

test(
  "examineDtls() finds DTLS 1.3 and its suites on a server of NSS",
  { skip: missing() },
  async () => {
    const { folder } = servers;
    const [program, database, noise] = ["server", "db", "noise"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const source = join(import.meta.dirname, "../../../test/fixtures/nss-dtls.c");
    const build = `cc -o "$1" "$2" $(pkg-config --cflags --libs nss nspr)`;
    execFileSync("sh", ["-c", build, "sh", program, source]);
    writeFileSync(noise, "a seed that is secret to nobody, for a key of one test");
    execFileSync("mkdir", [database]);
    const certutil = (...args: string[]): unknown =>
      execFileSync("certutil", [...args, "-d", `sql:${database}`], { stdio: "ignore" });
    certutil("-N", "--empty-password");
    certutil(
      "-S",
      "-n",
      "server",
      "-s",
      "CN=audit.test",
      "-x",
      "-t",
      ",,",
      "-k",
      "ec",
      "-q",
      "nistp256",
      "-z",
      noise,
    );
    const port = await freePort();
    const child = spawn(program, [`sql:${database}`, `${port}`], { stdio: "ignore" });
    try {
      const report = await examineDtls(() => openDatagram(undefined, "127.0.0.1", port), {
        serverName: "audit.test",
        signal: AbortSignal.timeout(30_000),
        silenceMs: 1000,
        note: () => {},
      });
      assert.deepEqual(report?.versions, ["DTLSv1.3"]);
      const { ciphers } = report.protocols?.["DTLSv1.3"] ?? {};
      assert.deepEqual(ciphers?.map(({ id }) => id).toSorted(), ["0x1301", "0x1302", "0x1303"]);
      assert.deepEqual(report.certificates, []);
    } finally {
      child.kill();
    }
  },
);
