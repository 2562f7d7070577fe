// What watching costs the host: `find / -xdev` and a loop of openat(2), without and with `saker watch` and the shipped rules, in turns
// within one run; and the memory of the watch after a minute. Needs root. `--quick`: 10 s instead of a minute.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningSaker, startSaker, until } from "../test/fixtures/saker.ts";

const ROUNDS = 5;
const OPENS = 200_000;
const MEMORY_AFTER_MS = process.argv.includes("--quick") ? 10_000 : 60_000;

const folder = mkdtempSync(join(tmpdir(), "saker-bench-"));
const loads = { "find / -xdev": find, "openat loop": openLoop };
const times = Object.fromEntries(Object.keys(loads).map((name) => [name, { without: [] as number[], with: [] as number[] }]));

find();
for (let round = 0; round < ROUNDS; round += 1) {
  measure("without");
  const watch = await started();
  measure("with");
  await watch.stop();
  if (round === ROUNDS - 1) console.log(`last summary: ${watch.err().trim().split("\n").at(-1)}`);
}
for (const [name, { without, with: watched }] of Object.entries(times)) {
  console.log(`${name.padEnd(14)} ${best(without).toFixed(0)} ms without, ${best(watched).toFixed(0)} ms with: ×${(best(watched) / best(without)).toFixed(2)}`);
}
const watch = await started();
await sleep(MEMORY_AFTER_MS);
console.log(`resident memory after ${MEMORY_AFTER_MS / 1000} s: ${residentMegabytes(watch.child.pid ?? 0)} MB`);
await watch.stop();
rmSync(folder, { recursive: true });

async function started(): Promise<RunningSaker> {
  // The environment that bin/saker gives it.
  const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, "../.tools/compile-cache"), MALLOC_ARENA_MAX: "1" };
  const saker = startSaker(["watch", "--report", join(folder, "report")], { cwd: folder, env });
  await until("the watch to begin", () => saker.err().includes("watching"), { seen: () => saker.err() });
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

function openLoop(): void {
  for (let index = 0; index < OPENS; index += 1) closeSync(openSync("/etc/hostname", "r"));
}

/** The best of the rounds: what disturbs a run only ever makes it slower. */
function best(values: readonly number[]): number {
  return Math.min(...values);
}

function residentMegabytes(pid: number): number {
  const kilobytes = Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return Math.round(kilobytes / 1024);
}
