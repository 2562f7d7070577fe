// From listen() to the finished report of an OpenSSL server, side by side with `nmap --script
// ssl-enum-ciphers` on the same port. Needs root, openssl and nmap. Prints milliseconds and the
// ratio of the medians of one run.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const ROUNDS = 5;
const folder = mkdtempSync(join(tmpdir(), "saker-bench-"));
const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
execFileSync(
  "openssl",
  ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench", "-days", "2", ...files],
  { stdio: "ignore" },
);

// A rule of its own, so that only this benchmark's server is examined, not whatever else listens on
// the host.
writeFileSync(
  join(folder, "rules.yaml"),
  "- rule: Server opened\n  desc: d\n  condition: evt.type = listen and proc.name = openssl\n  output: port %fd.sport\n  priority: NOTICE\n  tags: [open_port]\n",
);
const watch = startSaker(
  ["watch", "--rules", join(folder, "rules.yaml"), "--report", join(folder, "report")],
  { cwd: folder },
);
await until("the watch to begin", () => watch.err().includes("watching"), {
  seen: () => watch.err(),
});
await sleep(1000);
const ours: number[] = [];
const theirs: number[] = [];
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    const port = 14_443 + round;
    const server = spawn(
      "openssl",
      [
        "s_server",
        "-quiet",
        "-accept",
        String(port),
        "-key",
        join(folder, "key.pem"),
        "-cert",
        join(folder, "cert.pem"),
      ],
      { stdio: ["pipe", "ignore", "ignore"] },
    );
    const report = join(folder, "report", "tls", `host_${port}.json`);
    await until("the report", () => existsSync(report), {
      timeoutMs: 30_000,
      seen: () => watch.err(),
    });
    ours.push(statSync(report).mtimeMs - listenedAt(port));
    const start = performance.now();
    const scan = execFileSync(
      "nmap",
      ["-Pn", "-p", String(port), "--script", "ssl-enum-ciphers", "127.0.0.1"],
      { encoding: "utf8" },
    );
    theirs.push(performance.now() - start);
    if (!scan.includes("least strength")) console.log("note: nmap found no TLS in this round");
    server.kill();
  }
} finally {
  await watch.stop();
}
const text = (times: readonly number[]): string => times.map((ms) => ms.toFixed(0)).join(" ");
console.log(`listen() to report   ${text(ours)} ms`);
console.log(`nmap                 ${text(theirs)} ms`);
console.log(`ratio of medians     ${(median(theirs) / median(ours)).toFixed(1)}`);
rmSync(folder, { recursive: true });

/** Epoch milliseconds of the listen() that the alert tells of. */
function listenedAt(port: number): number {
  const lines = readFileSync(join(folder, "report", "openport.txt"), "utf8")
    .trim()
    .split("\n");
  const alert = lines
    .map((line) => JSON.parse(line) as { time: string; output_fields: Record<string, unknown> })
    .find((line) => line.output_fields["fd.sport"] === port);
  return Date.parse(alert?.time ?? "");
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
