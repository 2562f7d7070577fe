// What watching costs the host: getppid(2), openat(2), `find / -xdev`, a compile and a storm of
// execve(2), without and with `saker watch` and Falco's stable rules (from
// ../shared; else the shipped ones), in turns within one run; and the memory of the watch after a
// minute. Needs root. `--quick`: 10 s instead of a minute.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningSaker, startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const ROUNDS = 5;
const OPENS = 200_000;
const MEMORY_AFTER_MS = process.argv.includes("--quick") ? 10_000 : 60_000;

const folder = mkdtempSync(join(tmpdir(), "saker-bench-"));
const STABLE = join(import.meta.dirname, "../../shared/falco-rules/falco_rules.yaml");
const PARENTS = 3_000_000;
const EXECS = 500;
const loads = {
  getppid: parentLoop,
  "openat loop": openLoop,
  "find / -xdev": find,
  compile,
  "exec storm": execStorm,
};
const times = Object.fromEntries(
  Object.keys(loads).map((name) => [name, { without: [] as number[], with: [] as number[] }]),
);

find();
for (let round = 0; round < ROUNDS; round += 1) {
  measure("without");
  const watch = await started();
  measure("with");
  await watch.stop();
  if (round === ROUNDS - 1) console.log(watch.err().trim().split("\n").slice(-2).join("\n"));
}
for (const [name, { without, with: watched }] of Object.entries(times)) {
  console.log(
    `${name.padEnd(14)} ${best(without).toFixed(0)} ms without, ${best(watched).toFixed(0)} ms with: ×${(best(watched) / best(without)).toFixed(2)}`,
  );
}
const watch = await started();
await sleep(MEMORY_AFTER_MS);
console.log(
  `resident memory after ${MEMORY_AFTER_MS / 1000} s: ${residentMegabytes(watch.child.pid ?? 0)} MB`,
);
await watch.stop();
rmSync(folder, { recursive: true });

async function started(): Promise<RunningSaker> {
  // The environment that bin/saker gives it.
  const env = {
    NODE_COMPILE_CACHE: join(import.meta.dirname, "../.tools/compile-cache"),
    MALLOC_ARENA_MAX: "1",
  };
  const saker = startSaker(
    [
      "watch",
      ...(existsSync(STABLE) ? ["--rules", STABLE] : []),
      "--report",
      join(folder, "report"),
    ],
    { cwd: folder, env },
  );
  await until("the watch to begin", () => saker.err().includes("watching"), {
    seen: () => saker.err(),
  });
  await sleep(500);
  return saker;
}

function measure(state: "without" | "with"): void {
  for (const [name, load] of Object.entries(loads)) {
    const start = performance.now();
    load();
    times[name]?.[state].push(performance.now() - start);
  }
}

function find(): void {
  spawnSync("find", ["/", "-xdev"], { stdio: "ignore" });
}

/** Node asks the kernel each time. */
function parentLoop(): void {
  for (let index = 0; index < PARENTS; index += 1) void process.ppid;
}

function compile(): void {
  spawnSync(
    "clang",
    [
      "-O2",
      "-g",
      "-target",
      "bpf",
      "-mcpu=v3",
      "-std=gnu11",
      "-D__TARGET_ARCH_x64",
      "-c",
      join(import.meta.dirname, "../probe/saker.bpf.c"),
      "-o",
      join(folder, "o"),
    ],
    { stdio: "ignore" },
  );
}

function execStorm(): void {
  for (let index = 0; index < EXECS; index += 1) spawnSync("/bin/true");
}

function openLoop(): void {
  for (let index = 0; index < OPENS; index += 1) closeSync(openSync("/etc/hostname", "r"));
}

/** The best of the rounds: what disturbs a run only ever makes it slower. */
function best(values: readonly number[]): number {
  return Math.min(...values);
}

function residentMegabytes(pid: number): number {
  const kilobytes = Number(
    /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1],
  );
  return Math.round(kilobytes / 1024);
}
