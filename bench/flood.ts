// One container floods at a core's full speed (opens that a rule matches, or sockets that listen and
// close) while another one does a hundred acts, starts ten programs and opens five ports, and a third
// one starts: what was reported, what was lost by container, memory, and how long until the next act
// is reported again in a second. Needs root and cgroup2. `sh scripts/node24 bench/flood.ts [SECONDS]`
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningSaker, startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const SECONDS = Number(process.argv[2] ?? 8);
const [ACTS, STARTS, PORTS] = [100, 10, 5];
const ROOT = /^cgroup2? (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "saker-flood-"));
const RULES = `
- rule: Opened
  desc: d
  condition: evt.type in (open, openat) and container.id != host and fd.name startswith ${folder}/
  output: opened %fd.name by %container.id
  priority: NOTICE
- rule: Started
  desc: d
  condition: evt.type = execve and evt.failed = false and container.id != host and proc.args contains saker-act
  output: started %proc.args by %container.id
  priority: NOTICE
- rule: Port
  desc: d
  condition: evt.type = listen and evt.failed = false and container.id != host and fd.l4proto = tcp
  output: port %fd.sport by %container.id
  priority: NOTICE
  tags: [open_port]
`;
const LISTEN_LOOP = `const net = require("node:net"); const again = () => { const s = net.createServer(); s.listen(0, "127.0.0.1", () => s.close(again)); }; for (let i = 0; i < 8; i += 1) again();`;
const OPEN_LOOP = `const fs = require("node:fs"); for (;;) fs.closeSync(fs.openSync("${folder}/flood", "r"));`;

interface Group {
  readonly id: string;
  readonly path: string;
}

writeFileSync(join(folder, "rules.yaml"), RULES);
for (const name of ["flood", "act", "after"]) writeFileSync(join(folder, name), "");
for (const [name, loop] of [
  ["opens", OPEN_LOOP],
  ["listen and close", LISTEN_LOOP],
] as const)
  await flood(name, loop);
rmSync(folder, { recursive: true });

async function flood(name: string, loop: string): Promise<void> {
  const groups = [makeGroup(), makeGroup(), makeGroup()] as const;
  const [flooder, actor, late] = groups;
  const report = mkdtempSync(join(folder, "report-"));
  const watch = startSaker(
    ["watch", "--rules", join(folder, "rules.yaml"), "--report", report, "--no-audit"],
    { cwd: folder, env: { MALLOC_ARENA_MAX: "1" } },
  );
  await until("the watch", () => watch.err().includes("watching"), { seen: () => watch.err() });
  await sleep(1000);
  const load = run(flooder, `exec ${process.execPath} -e '${loop}'`);
  await sleep((SECONDS * 1000) / 2);
  const acts = run(actor, actsScript());
  const third = run(late, `/bin/true saker-act late; sleep 1`);
  await sleep((SECONDS * 1000) / 2);
  const memory = memoryOf(watch);
  load.kill("SIGKILL");
  const healed = performance.now();
  await ended(third);
  const text = (): string => readFileSync(join(report, "falco_report.txt"), "utf8");
  const after = run(actor, `: < ${folder}/after`);
  await until("the act after the flood", () => text().includes(`opened ${folder}/after`), {
    timeoutMs: 120_000,
  });
  const seconds = ((performance.now() - healed) / 1000).toFixed(2);
  acts.kill("SIGKILL");
  await Promise.all([ended(acts), ended(after), ended(load)]);
  await watch.stop();
  const of = (pattern: string): number =>
    new Set(text().match(new RegExp(`\\b${pattern} by ${actor.id.slice(0, 12)}`, "g"))).size;
  const starts = new Set(text().match(/started saker-act \d+ by/g)).size;
  console.log(
    `${name}: ${text().split("\n").length} alerts; of the other container ${(text().match(new RegExp(`opened ${folder}/act by`, "g")) ?? []).length} of ${ACTS} acts, ${starts} of ${STARTS} starts, ${of("port \\d+")} of ${PORTS} ports; the late container ${text().includes(`late by ${late.id.slice(0, 12)}`) ? "was" : "was NOT"} named; ${memory} MB; ${seconds} s after the flood the next act was reported`,
  );
  console.log(watch.err().trim().split("\n").slice(-3).join("\n"));
  for (const { path } of groups) await removed(path);
}

/** The acts spread over two seconds, so that no single moment decides. */
function actsScript(): string {
  const listen = `const net = require("node:net"); for (let i = 0; i < ${PORTS}; i += 1) net.createServer().listen(0, "127.0.0.1"); setInterval(() => {}, 1000);`;
  return `${process.execPath} -e '${listen}' & i=0; while [ $i -lt ${ACTS} ]; do : < ${folder}/act; [ $((i % ${ACTS / STARTS})) = 0 ] && /bin/true saker-act $i; sleep 0.02; i=$((i + 1)); done; wait`;
}

function makeGroup(): Group {
  const id = randomBytes(32).toString("hex");
  const path = join(ROOT, `docker-${id}.scope`);
  mkdirSync(path);
  return { id, path };
}

function run({ path }: Group, script: string): ChildProcess {
  return spawn("/bin/sh", ["-c", `echo $$ > ${path}/cgroup.procs; ${script}`], {
    stdio: "ignore",
    detached: true,
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Ends what is left inside, by its group alone. */
async function removed(path: string): Promise<void> {
  for (const pid of readFileSync(`${path}/cgroup.procs`, "utf8").split("\n").filter(Boolean))
    spawnSync("kill", ["-9", pid]);
  await until(`${path} to be empty`, () => {
    try {
      rmdirSync(path);
      return true;
    } catch {
      return false;
    }
  });
}

function memoryOf(watch: RunningSaker): number {
  const status = readFileSync(`/proc/${watch.child.pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
