// The audit beside the scanners that give the same facts: wall time of whole processes and
// connections to the server, on the same servers, in one run.
// Needs openssl and nginx; nmap, sslscan and testssl are measured where they are installed. `sh
// scripts/node24 bench/tls.ts [SERVER…]`
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { audit } from "../src/audit/audit.ts";
import { connectDirectly } from "../src/ports/connect.ts";
import { Lab } from "../test/tls-lab/lab.ts";
import type { LabServer } from "../test/tls-lab/builders.ts";
import { LAB_SERVERS, startServer } from "../test/tls-lab/servers.ts";

const ROUNDS = 3;
const SERVERS = [
  "openssl as it comes",
  "nginx as it comes",
  "openssl everything up to TLS 1.2",
  "java everything",
  "python's HTTP",
  "redis",
];
const MANY = 1000;

interface Scanner {
  readonly name: string;
  readonly program: string;
  readonly args: (port: number) => readonly string[];
}

const SCANNERS: readonly Scanner[] = [
  {
    name: "saker audit",
    program: join(import.meta.dirname, "../bin/saker"),
    args: (port) => ["audit", `127.0.0.1:${port}`],
  },
  {
    name: "nmap ssl-enum-ciphers",
    program: "/usr/bin/nmap",
    args: (port) => ["-Pn", "-n", "-p", `${port}`, "--script", "ssl-enum-ciphers", "127.0.0.1"],
  },
  {
    name: "sslscan",
    program: "/usr/bin/sslscan",
    args: (port) => ["--show-sigs", `127.0.0.1:${port}`],
  },
  {
    name: "testssl -E -p -U",
    program: "/usr/bin/testssl",
    args: (port) => ["--warnings", "off", "--color", "0", "-p", "-E", "-U", `127.0.0.1:${port}`],
  },
];
/** A scanner that has not ended by then is told so. */
const LIMIT_MS = 180_000;

const named = process.argv.slice(2);
const lab = new Lab();
process.once("exit", () => lab.end());
async function compare(server: LabServer): Promise<void> {
  const port = await startServer(lab, server);
  const proxy = await CountingProxy.before(port);
  try {
    console.log(`\n${server.name}`);
    const inside: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) inside.push((await examine(port)).durationMs);
    proxy.connections = 0;
    const report = await examine(proxy.port);
    const suites = Object.values(report.protocols).map(({ ciphers }) => ciphers.length);
    // Each accepted suite, one refusal for each version, one for each of the others, SSLv2 among
    // them.
    const least = report.tls ? suites.reduce((sum, count) => sum + count, 0) + 6 : 1;
    console.log(
      `  in a running process      ${median(inside)} ms, ${proxy.connections} connections; ${suites.reduce((sum, count) => sum + count, 0)} suites, at least ${least} to find them alone`,
    );
    for (const scanner of SCANNERS.filter(({ program }) => existsSync(program)))
      await time(scanner, port, proxy);
  } finally {
    proxy.close();
    lab.endServers();
  }
}

async function time(
  { name, program, args }: Scanner,
  port: number,
  proxy: CountingProxy,
): Promise<void> {
  const times: number[] = [];
  const rounds = name.startsWith("testssl") ? 1 : ROUNDS;
  let isWhole = true;
  for (let round = 0; round < rounds && isWhole; round += 1) {
    const start = performance.now();
    isWhole = await ends(program, args(port));
    times.push(performance.now() - start);
  }
  proxy.connections = 0;
  if (isWhole) isWhole = await ends(program, args(proxy.port));
  console.log(
    `  ${name.padEnd(25)} ${Math.round(median(times))} ms, ${proxy.connections} connections${isWhole ? "" : `; not ended after ${LIMIT_MS / 1000} s`}`,
  );
}

/** False when it had to be ended. Its exit code says how bad the server is. */
async function ends(program: string, args: readonly string[]): Promise<boolean> {
  const running = promisify(execFile)(program, [...args], {
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    maxBuffer: 64e6,
  });
  running.child.stdin?.end();
  return running.then(
    () => true,
    (thrown: { killed?: boolean }) => thrown.killed !== true,
  );
}

function examine(port: number): ReturnType<typeof audit> {
  return audit({
    label: `127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
  });
}

/** A thousand targets: as many loopback addresses in front of one nginx with four workers. */
async function scanMany(): Promise<void> {
  if (!existsSync("/usr/sbin/nginx")) return;
  const port = 24_443;
  const config = lab.file(
    "many.conf",
    `pid ${lab.folder}/many.pid; daemon off; worker_processes 2; error_log stderr; events { worker_connections 4096; } http { access_log off; server { listen 0.0.0.0:${port} ssl; ssl_certificate ${lab.rsa.certificate}; ssl_certificate_key ${lab.rsa.key}; return 200; } }`,
  );
  await lab.serve(port, "nginx", ["-p", lab.folder, "-c", config]);
  const targets = join(lab.folder, "targets");
  writeFileSync(
    targets,
    Array.from({ length: MANY }, (_, index) => `127.1.${index >> 8}.${index & 255}:${port}\n`).join(
      "",
    ),
  );
  console.log(`\n${MANY} targets of one nginx with two workers`);
  for (const parallel of [8, 32, 128]) {
    const start = performance.now();
    const output = join(lab.folder, "many.json");
    await ends(join(import.meta.dirname, "../bin/saker"), [
      "audit",
      "--format",
      "json",
      "--output",
      output,
      "--parallel",
      `${parallel}`,
      `@${targets}`,
    ]);
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `  --parallel ${`${parallel}`.padEnd(14)} ${seconds.toFixed(1)} s, ${Math.round(MANY / seconds)} targets a second`,
    );
  }
  lab.endServers();
}

/** Forwards to a server and counts who comes. */
class CountingProxy {
  connections = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (socket: Socket) => {
      this.connections += 1;
      const further = connect({ host: "127.0.0.1", port: to, noDelay: true });
      for (const [one, other] of [
        [socket, further],
        [further, socket],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.once("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async before(to: number): Promise<CountingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new CountingProxy(server, to);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
}

for (const name of SERVERS.filter(
  (server) => named.length === 0 || named.some((word) => server.includes(word)),
)) {
  const server = LAB_SERVERS.find((one) => one.name === name);
  if (server === undefined || !existsSync(server.needs[0])) console.log(`${name}: not installed`);
  else await compare(server);
}
if (named.length === 0 || named.includes("many")) await scanMany();
