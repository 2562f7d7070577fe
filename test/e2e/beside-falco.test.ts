import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, saker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const NO_DOCKER = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
const TIMEOUT = { timeoutMs: 60_000 };

const folder = mkdtempSync(join(tmpdir(), "saker-beside-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A line of the seed's rule as a running Falco writes it: the container has no id yet. */
function falcoLine(name: string, port: number): string {
  const time = new Date().toISOString();
  const output = `${time.slice(11, -1)}: Warning New port opened in container (container_id=<NA> container_name=${name} container_port=${port})`;
  const fields = {
    "container.id": null,
    "container.name": name,
    "evt.time": Date.now() * 1e6,
    "fd.sport": port,
  };
  return `${JSON.stringify({ hostname: "h", output, output_fields: fields, priority: "Warning", rule: "New port opened in container", source: "syscall", tags: ["container", "network", "open_port"], time })}\n`;
}

/** A server on loopback that greets as SSH does. */
async function greeting(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("SSH-2.0-test\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

describe("beside a Falco", { skip: dockerdMissing() ?? false }, () => {
  const IMAGE = "saker-test/box:1.0";
  let dockerd: Dockerd;
  const ways = new Map<string, RunningSaker>();
  const file = join(folder, "falco.json");

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE });
    writeFileSync(file, "");
    const start = (way: string, ...args: string[]): void => {
      const report = join(folder, way);
      ways.set(way, startSaker([...args, "--report", report], { env: dockerd.env, cwd: folder }));
    };
    // They would want one port for their pages.
    start("file", "watch", "--source", `falco:${file}`, "--no-web");
    start("input", "watch", "--source", "falco:-", "--no-web");
    start("observe", "observe", file);
    for (const [way, running] of ways)
      await until(`${way} to begin`, () => /watching Falco/.test(running.err()), {
        seen: running.err,
        ...TIMEOUT,
      });
  });
  after(async () => {
    for (const running of ways.values()) await running.stop();
    await dockerd?.stop();
  });

  test("each way examines each of three ports that containers open as they start", async () => {
    const ports = { one: 8001, two: 8002, three: 8003 };
    await Promise.all(
      Object.entries(ports).map(async ([name, port]) => {
        const line = falcoLine(name, port);
        appendFileSync(file, line);
        ways.get("input")?.child.stdin?.write(line);
        const server = ["/bin/busybox", "httpd", "-f", "-p", String(port)];
        await dockerd.docker("run", "-d", "--init", "--name", name, IMAGE, ...server);
      }),
    );
    for (const [way, running] of ways) {
      for (const [name, port] of Object.entries(ports)) {
        const path = join(folder, way, "tls", `${name}_${port}.json`);
        await until(path, () => existsSync(path), { seen: () => running.out() + running.err() });
        const { speaks } = JSON.parse(readFileSync(path, "utf8")) as { speaks?: string };
        assert.equal(speaks, "http", way);
      }
      assert.doesNotMatch(running.err(), /Cannot/, way);
    }
    // As the old observer did.
    assert.match(
      ways.get("observe")?.out() ?? "",
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z two 8002$/m,
    );
  });
});

describe("saker observe", () => {
  test("refuses a folder, a device and what may not be read, with exit code 2", async () => {
    const closed = join(folder, "closed.txt");
    writeFileSync(closed, "", { mode: 0o600 });
    chmodSync(folder, 0o755);
    const cases: [string, string, number | undefined][] = [
      [folder, "it is a folder", undefined],
      ["/dev/zero", "it is a device", undefined],
      ...(process.getuid?.() === 0
        ? ([[closed, "permission denied", 65534]] as [string, string, number][])
        : []),
    ];
    for (const [path, state, uid] of cases) {
      const report = join(tmpdir(), "saker-of-nobody");
      const { code, err } = await saker(["observe", path, "--report", report], {
        env: NO_DOCKER,
        cwd: "/",
        ...(uid === undefined ? {} : { uid }),
      });
      assert.equal(code, 2, err);
      assert.ok(err.includes(`saker: error: Cannot read "${path}": ${state}\n`), err);
      assert.match(err, /saker: hint: /);
    }
  });

  test("refuses a folder on standard input with exit code 2", () => {
    const stdin = openSync(folder, "r");
    const args = [MAIN, "observe", "-", "--report", join(folder, "none")];
    const { status, stderr } = spawnSync(process.execPath, args, {
      env: { ...process.env, ...NO_DOCKER },
      stdio: [stdin, "pipe", "pipe"],
      encoding: "utf8",
    });
    closeSync(stdin);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /Cannot read standard input: it is a folder/);
  });

  test("waits for a file that comes later, and ends in time beside a FIFO without a writer", async (t) => {
    const server = await greeting();
    const later = join(folder, "later", "openport.txt");
    const fifo = join(folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    const start = (path: string): RunningSaker => {
      const running = startSaker(["observe", path, "--report", join(folder, "late")], {
        env: NO_DOCKER,
      });
      t.after(() => running.stop());
      return running;
    };
    const [waiting, blocked] = [start(later), start(fifo)];
    await until("the note", () => waiting.err().includes("is not there yet"), {
      seen: waiting.err,
      ...TIMEOUT,
    });
    await until("the FIFO's", () => blocked.err().includes("watching Falco"), {
      seen: blocked.err,
      ...TIMEOUT,
    });
    assert.equal((await blocked.stop()).code, 0);
    mkdirSync(join(folder, "later"));
    writeFileSync(later, falcoLine("host", server.port));
    const report = join(folder, "late", "tls", `host_${server.port}.json`);
    await until("the report", () => existsSync(report), { seen: waiting.err, ...TIMEOUT });
    assert.equal((await waiting.stop()).code, 0);
    server.close();
  });

  test("examines what stands on standard input, and ends with it", async () => {
    const server = await greeting();
    const { code, out, err } = await saker(["observe", "-", "--report", join(folder, "stdin")], {
      env: NO_DOCKER,
      input: falcoLine("host", server.port),
    });
    server.close();
    assert.equal(code, 0, err);
    assert.match(err, /1 alerts, 0 bad lines, 1 ports examined/);
    assert.match(out, new RegExp(`Z host ${server.port}\n`));
  });
});
