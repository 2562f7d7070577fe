import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectInNamespace } from "../../ports/connect.ts";
import { type NetworkNamespace, openNamespace } from "../../ports/network-namespace.ts";
import { audit } from "../audit.ts";
import { ConnectErrors } from "../connect-errors.ts";
import type { AuditReport } from "../report.ts";

/** In a network namespace of its own; no loopback address, for MariaDB does not count there. */
const ADDRESS = "10.99.0.1";
const PORT = 3306;

/** MariaDB counts by the name of the client, so the address has to have one. */
const START = `
ip link set lo up && ip addr add ${ADDRESS}/32 dev lo && mount --bind "$1/hosts" /etc/hosts &&
exec mariadbd --no-defaults --user=root --datadir="$1/data" --socket="$1/socket" --port=${PORT} \
  --bind-address=0.0.0.0 --ssl-cert="$2" --ssl-key="$3" --performance-schema=ON`;

function missing(): string | false {
  if (process.getuid?.() !== 0) return "needs root, for a network namespace";
  for (const program of ["mariadbd", "mariadb-install-db", "mariadb", "unshare", "ip"])
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
      return `${program} is missing`;
  return false;
}

describe("audit() of a MariaDB that counts connect errors", { skip: missing() }, () => {
  const servers = new TlsServers();
  const socket = join(servers.folder, "socket");
  let server: ChildProcess | undefined;
  let namespace: NetworkNamespace | undefined;

  const sql = (statement: string): string =>
    execFileSync(
      "mariadb",
      ["--no-defaults", "-N", `--socket=${socket}`, "-uroot", "-e", statement],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    ).trim();

  before(async () => {
    const { key, certificate } = servers.keyPair("rsa:2048");
    writeFileSync(join(servers.folder, "hosts"), `127.0.0.1 localhost\n${ADDRESS} client.test\n`);
    const data = `--datadir=${join(servers.folder, "data")}`;
    const auth = "--auth-root-authentication-method=normal";
    execFileSync("mariadb-install-db", ["--no-defaults", data, "--user=root", auth], {
      stdio: "ignore",
    });
    server = spawn(
      "unshare",
      ["-n", "-m", "sh", "-c", START, "sh", servers.folder, certificate, key],
      { stdio: "ignore" },
    );
    for (let turn = 0; turn < 300; turn += 1) {
      try {
        // Where nobody may come from, everybody is turned away before TLS.
        sql("create user app@'%' identified by 'secret'");
        break;
      } catch {
        await sleep(100);
      }
    }
    namespace = openNamespace(server.pid ?? 0);
  });

  after(async () => {
    namespace?.close();
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    if (server?.kill() === true) await ended;
    servers.stop();
  });

  const examine = (connectErrors: ConnectErrors): Promise<AuditReport> =>
    audit(
      {
        label: "mariadb",
        host: ADDRESS,
        port: PORT,
        connect: (signal) =>
          connectInNamespace(namespace as NetworkNamespace, ADDRESS, PORT, { signal }),
      },
      { connectErrors },
    );

  test("ten audits: whole as long as it bears them, and the address is never blocked", async () => {
    const connectErrors = new ConnectErrors();
    const reports: AuditReport[] = [];
    for (let turn = 0; turn < 10; turn += 1) reports.push(await examine(connectErrors));
    const counted = Number(sql("select sum_connect_errors from performance_schema.host_cache"));
    assert.ok(counted <= 80, `${counted} were counted`);
    // What the server has counted is what we have.
    assert.equal(connectErrors.of(`${ADDRESS}:${PORT}`), counted);
    const [first] = reports;
    assert.equal(first?.grade?.letter, "T");
    assert.equal(first.protocols["TLSv1.2"]?.ciphers.length, 20);
    assert.deepEqual(first.errors, []);
    const last = reports.at(-1);
    assert.deepEqual(
      [last?.connections, last?.tls, last?.grade, last?.errors[0]?.code],
      [0, undefined, undefined, "spared"],
    );
    for (const { grade, errors } of reports)
      assert.equal(
        grade === undefined,
        errors.some(({ code }) => code === "spared"),
      );
    const client = await connectInNamespace(namespace as NetworkNamespace, ADDRESS, PORT);
    const [greeting] = (await once(client, "data")) as [Uint8Array];
    client.destroy();
    assert.equal(greeting[4], 10, "protocol 10 greets; 0xff would turn the client away");
  });
});
