// Events a processor second and the most memory of `saker replay` over a large recording, with (a)
// a rule that matches nothing, (b) the stable rules, (c) all three official files. Each run is a
// process of its own, so that memory and start-up count. As root it makes the recording itself,
// under a mixed load; `SAKER_BENCH_CAPTURE=FILE` takes another. Needs ../shared/falco-rules.
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:http";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SAKER = fileURLToPath(new URL("../bin/saker", import.meta.url));
const RULES = fileURLToPath(new URL("../../shared/falco-rules/", import.meta.url));
const SECONDS = Number(process.env["SAKER_BENCH_SECONDS"] ?? 40);
const folder = mkdtempSync(join(tmpdir(), "saker-bench-"));

try {
  const capture = process.env["SAKER_BENCH_CAPTURE"] ?? (await recorded());
  console.log(`capture: ${(statSync(capture).size / 1e6).toFixed(0)} MB`);
  const nothing = join(folder, "nothing.yaml");
  writeFileSync(
    nothing,
    "- rule: Nothing\n  desc: no event of the capture\n  condition: evt.type = bpf and proc.name = nothing\n  output: nothing\n  priority: INFO\n",
  );
  const [stable, incubating, sandbox] = [
    "falco_rules.yaml",
    "falco-incubating_rules.yaml",
    "falco-sandbox_rules.yaml",
  ].map((name) => join(RULES, name));
  const runs: readonly (readonly [string, readonly string[]])[] = [
    ["no rule that matches", [nothing]],
    ["stable rules", [stable ?? ""]],
    ["all three files", [stable ?? "", incubating ?? "", sandbox ?? ""]],
  ];
  for (const [what, files] of runs) {
    if (files.some((file) => !existsSync(file))) {
      console.log(`${what}: left out, needs ${RULES}`);
      continue;
    }
    const results = Array.from({ length: 3 }, () => run(capture, files));
    const best = results.toSorted((left, right) => left.cpu - right.cpu)[0];
    if (best !== undefined)
      console.log(
        `${what}: ${(best.events / best.cpu / 1e6).toFixed(2)} M events a processor second, ${(best.events / best.seconds / 1e6).toFixed(2)} M a second, ${best.megabytes} MB at most, ${best.alerts} alerts (${best.events} events, ${best.rules} rules)`,
      );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** One replay, timed from the outside: start-up, rules and all. */
function run(capture: string, rules: readonly string[]) {
  const args = [
    SAKER,
    "replay",
    capture,
    "--json",
    "--stats",
    ...rules.flatMap((file) => ["--rules", file]),
  ];
  const script = `import resource, subprocess, sys, time
start = time.time()
out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, time.time() - start, usage.ru_maxrss // 1024)
sys.stdout.write(out.decode().strip().split("\\n")[-1])`;
  const [numbers = "", stats = "{}"] = execFileSync("python3", ["-c", script, ...args], {
    maxBuffer: 1 << 30,
  })
    .toString()
    .split("\n");
  const [cpu = 0, seconds = 0, megabytes = 0] = numbers.split(" ").map(Number);
  const told = (JSON.parse(stats) as { stats: { events: number; alerts: number; rules: number } })
    .stats;
  return { cpu, seconds, megabytes, ...told };
}

/** The recording: find, a compiler, curl against a server of our own, shells; bounded by time. */
async function recorded(): Promise<string> {
  const path = join(folder, "mixed.scap");
  const server = createServer((_request, response) => response.end("x".repeat(10_000))).listen(
    0,
    "127.0.0.1",
  );
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const recorder = spawn(SAKER, ["record", "-o", path, "--duration", `${SECONDS}s`], {
    stdio: "inherit",
  });
  const source = join(folder, "a.c");
  writeFileSync(
    source,
    '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <sys/socket.h>\nint main(void){printf("%d",getpid());return 0;}\n',
  );
  const end = `end=$(( $(date +%s) + ${SECONDS - 3} )); while [ $(date +%s) -lt $end ]; do`;
  const loads = [
    `sleep 2; ${end} find /usr -name '*.h' > /dev/null; done`,
    `sleep 2; ${end} cc -c ${source} -o ${folder}/a.o; curl -s http://127.0.0.1:${port}/ > /dev/null; done`,
    `sleep 2; ${end} sh -c 'cat /etc/hostname /etc/passwd | grep root | wc -l' > /dev/null; done`,
  ].map((script) => spawn("sh", ["-c", script], { stdio: "ignore" }));
  await new Promise((resolve) => recorder.once("exit", resolve));
  for (const load of loads) load.kill();
  server.close();
  return path;
}
