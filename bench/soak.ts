// Ten minutes of full load of one core (programs that start, files that are written and read) under
// `saker watch` with Falco's stable rules and the default buffer:
// what was lost, how memory went, and what a million events cost. Needs root. `sh scripts/node24
// bench/soak.ts [SECONDS]`
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const SECONDS = Number(process.argv[2] ?? 600);
const SAMPLES = 10;
const STABLE = join(import.meta.dirname, "../../shared/falco-rules/falco_rules.yaml");
const folder = mkdtempSync(join(tmpdir(), "saker-soak-"));
// As bin/saker starts it.
const env = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../.tools/compile-cache"),
  MALLOC_ARENA_MAX: "1",
  NODE_OPTIONS: "--max-semi-space-size=1 --expose-gc",
};

/** One shell that never rests: it starts programs, writes a file and reads some. */
const LOAD = `while :; do for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; echo x > ${folder}/file; read y < ${folder}/file; done; find /usr/lib -maxdepth 2 > /dev/null; done`;

const watch = startSaker(
  [
    "watch",
    ...(existsSync(STABLE) ? ["--rules", STABLE] : []),
    "--report",
    join(folder, "report"),
    "--no-audit",
  ],
  { cwd: folder, env },
);
await until("the watch to begin", () => watch.err().includes("watching"), {
  seen: () => watch.err(),
});
const pid = watch.child.pid ?? 0;
const load: ChildProcess = spawn("/bin/sh", ["-c", LOAD], { stdio: "ignore", detached: true });
const before = cpuSeconds(pid);
const memory: number[] = [];
try {
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await sleep((SECONDS * 1000) / SAMPLES);
    memory.push(
      Math.round(
        Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) /
          1024,
      ),
    );
  }
} finally {
  if (load.pid !== undefined) process.kill(-load.pid, "SIGKILL");
}
const spent = cpuSeconds(pid) - before;
await watch.stop();
const events = Number(/(\d+) events, \d+ dropped/.exec(watch.err())?.[1] ?? 0);
console.log(watch.err().trim().split("\n").slice(-3).join("\n"));
console.log(
  `${SECONDS} s: memory ${memory.join(" ")} MB; ${spent.toFixed(1)} s of CPU, ${((spent / events) * 1e6).toFixed(1)} s for a million events`,
);
rmSync(folder, { recursive: true });

/**
 * User and system time of a process, in seconds: fields 14 and 15 of /proc/PID/stat, in hundredths.
 */
function cpuSeconds(id: number): number {
  const fields = readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
