// Runs inside the machine that test/kernels/run.ts starts: lets Saker watch while something
// happens, and prints all that it said, for run.ts to judge.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningSaker, type SakerOptions, startSaker } from "../../fixtures/saker.ts";
import { until } from "../../fixtures/until.ts";

const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const RULES = [
  "--rules",
  join(CHECKOUT, "test/kernels/guest/rules.yaml"),
  "--rules",
  join(CHECKOUT, "rules/saker_rules.yaml"),
];
/**
 * Longer than any of this takes on a slow processor that is played by a program, beside other work:
 * with four times as many programs as processors a watch began after more than four minutes.
 */
const PATIENCE_MS = 600_000;

const SCENES: Readonly<Record<string, () => Promise<void>>> = {
  doctor: () => runToEnd("doctor", startSaker(["doctor"])),
  watch: () => watch("watch"),
  "one-file": () => watch("one-file", { packed: "/usr/bin/saker" }),
  "raw-tp": () => withoutTypedProbe(() => watch("raw-tp")),
  sockets: watchSockets,
  events: probeEvents,
};

/**
 * The kernel hands the words of its command line that it does not know to its first process, as
 * environment.
 */
const wanted = (process.env["SAKER_SCENES"] ?? Object.keys(SCENES).join(",")).split(",");

// The firmware leaves its own words on the first line.
console.log(`\n[guest] out Linux ${release()} ${process.arch}, Node ${process.version}`);
for (const name of wanted) {
  const begun = performance.now();
  await SCENES[name]?.().catch((thrown: unknown) => print(name, "err", String(thrown)));
  print(name, "took", String(Math.round((performance.now() - begun) / 100) / 10));
}
console.log("[guest] code 0");
process.exit(0);

/**
 * All that Saker is for: a program starts, a secret is read, ports open on the host and in what
 * looks like a container, and are examined.
 */
async function watch(scene: string, options: SakerOptions = {}): Promise<void> {
  const early = serve(7000);
  const args = ["watch", "--json", "--with-audits", "--source", "ebpf", "--host-ports"];
  const kept = ["--no-store", "--no-web", "--report", `/tmp/${scene}`];
  const saker = startSaker([...args, ...kept, ...RULES], options);
  const servers = [early];
  try {
    await begun(saker, /sockets that listened already: 1/);
    spawnSync("/bin/sh", ["-c", "/usr/bin/id; true"]);
    spawnSync("/bin/cat", ["/etc/shadow"]);
    servers.push(serve(7001), serve(7002, `echo $$ > ${containerGroup()}/cgroup.procs`));
    const signs = [
      /"fd.sport":7000/,
      /"proc.name":"id"/,
      /"proc.name":"cat"/,
      /"fd.sport":7001/,
      /"fd.sport":7002/,
      /"port":7001.*"speaks":"http"/,
      /"port":7002.*"speaks":"http"/,
    ];
    await until("all alerts and audits", () => signs.every((sign) => sign.test(saker.out())), {
      timeoutMs: PATIENCE_MS,
    });
  } finally {
    await end(scene, saker, servers);
  }
}

/** Without eBPF: what starts must live long enough to be looked at. */
async function watchSockets(): Promise<void> {
  const early = serve(7000);
  const saker = startSaker([
    "watch",
    "--json",
    "--source",
    "sockets",
    "--no-audit",
    "--host-ports",
    "--no-store",
    "--no-web",
    "--report",
    "/tmp/sockets",
    ...RULES,
  ]);
  const servers = [early];
  try {
    await begun(saker, /watching this host/);
    // Once it tells of that it hears of programs, too.
    await until("the port that listened already", () => saker.out().includes('"fd.sport":7000'), {
      timeoutMs: PATIENCE_MS,
    });
    servers.push(spawn("/bin/sleep", ["1000"]), serve(7001));
    const signs = [/"proc.name":"sleep"/, /"fd.sport":7001/];
    await until("all alerts", () => signs.every((sign) => sign.test(saker.out())), {
      timeoutMs: PATIENCE_MS,
    });
  } finally {
    print("sockets", "out", readFileSync("/proc/modules", "utf8"));
    await end("sockets", saker, servers);
  }
}

/**
 * The tests that know each event of the probe, with all of its objects, or with the one that the
 * kernel takes.
 */
async function probeEvents(): Promise<void> {
  const variant = process.env["SAKER_VARIANT"] ?? "";
  const pattern = { raw_tp: "rawtp", classic: "classic" }[variant];
  const only = pattern === undefined ? [] : [`--test-name-pattern=${pattern}`];
  const files = ["probe-events", "io-uring-events", "call-paths"].map((name) =>
    join(CHECKOUT, `src/capture/${name}.test.ts`),
  );
  const args = ["--test", "--test-reporter=tap", ...only, ...files];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 2 * PATIENCE_MS,
    env: { ...process.env, SAKER_TEST_PATIENCE: "10" },
  });
  print("events", "out", stdout);
  print("events", "code", String(status));
}

/**
 * With a licence that the tracing helpers do not accept: the verifier refuses the first object, so
 * Saker takes the other by itself.
 */
async function withoutTypedProbe(run: () => Promise<void>): Promise<void> {
  const path = join(CHECKOUT, `probe/saker.${process.arch}.bpf.o`);
  const object = readFileSync(path);
  const refused = Buffer.from(object);
  refused.write("BSD", refused.indexOf("GPL\0"));
  writeFileSync(path, refused);
  await run().finally(() => writeFileSync(path, object));
}

/** A web server, after what a shell is to do first. */
function serve(port: number, first = "true"): ChildProcess {
  return spawn("/bin/sh", ["-c", `${first}; exec /usr/sbin/httpd -f -p ${port}`], {
    stdio: "ignore",
  });
}

/** A control group as Docker makes it under systemd. */
function containerGroup(): string {
  const path = `/sys/fs/cgroup/system.slice/docker-${"c0ffee".repeat(10)}c0de.scope`;
  mkdirSync(path, { recursive: true });
  return path;
}

async function begun(saker: RunningSaker, sign: RegExp): Promise<void> {
  const ended = saker
    .ended()
    .then((code) => Promise.reject(new Error(`saker ended with code ${code}`)));
  await Promise.race([
    ended,
    until("the watch to begin", () => sign.test(saker.err()), { timeoutMs: PATIENCE_MS }),
  ]);
}

async function end(
  scene: string,
  saker: RunningSaker,
  servers: readonly ChildProcess[],
): Promise<void> {
  print(scene, "out", `skipped: ${skippedRuns(saker.child.pid ?? 0)}`);
  saker.child.kill("SIGINT");
  await runToEnd(scene, saker);
  for (const server of servers) server.kill("SIGKILL");
}

/**
 * How often the kernel did not run one of the process's BPF programs, because it had been
 * interrupted on that processor: nobody else counts that.
 */
function skippedRuns(pid: number): number {
  const folder = `/proc/${pid}/fdinfo`;
  // What it said before it ended is printed all the same.
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, fd) => sum + skippedOf(join(folder, fd)), 0);
}

function skippedOf(path: string): number {
  try {
    return Number(/^recursion_misses:\s*(\d+)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
  } catch {
    // It was closed since it was listed, and is no program's: these stay open.
    return 0;
  }
}

async function runToEnd(scene: string, saker: RunningSaker): Promise<void> {
  const deadline = setTimeout(() => saker.child.kill("SIGKILL"), PATIENCE_MS);
  const code = await saker.ended();
  clearTimeout(deadline);
  print(scene, "out", saker.out());
  print(scene, "err", saker.err());
  print(scene, "code", String(code));
}

function print(scene: string, what: "out" | "err" | "code" | "took", text: string): void {
  for (const line of text.trimEnd().split("\n")) console.log(`[${scene}] ${what} ${line}`);
}
