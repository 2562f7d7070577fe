// Runs inside the machine that bench/instructions/run.ts starts: the calls without a probe, with each
// folder of objects that is there, and beside the peer if there is one.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { arch, release } from "node:os";
import { deserialize } from "node:v8";
import { openProbe } from "../../src/capture/probe.ts";
import { withPeer } from "./peer.ts";
import type { Asked } from "./run.ts";

const HERE = import.meta.dirname;
const asked = deserialize(readFileSync(`${HERE}/asked`)) as Asked;
/** Who calls: a process of the host, and one of what looks like a container. */
const GROUPS = {
  host: "/sys/fs/cgroup/system.slice/calls.service",
  container: `/sys/fs/cgroup/system.slice/docker-${"c0ffee".repeat(10)}c0de.scope`,
};
/** On a machine that counts everything takes ten times as long. */
const PEER_STARTS_MS = 300_000;

console.log(`\n[guest] out Linux ${release()} ${arch()}`);
for (const group of Object.values(GROUPS)) mkdirSync(group, { recursive: true });
await calls("nothing");
for (const name of readdirSync(`${HERE}/builds`)) await withProbe(name).catch(tell);
// Last: what it leaves behind would stand in the figures of others.
if (existsSync(`${HERE}/peer`)) await besidePeer().catch(tell);
console.log("[guest] code 0");
process.exit(0);

async function withProbe(name: string): Promise<void> {
  const probe = openProbe({ objectDirectory: `${HERE}/builds/${name}`, ownPid: process.pid });
  const host = { id: statSync(GROUPS.host).ino, isV1: false };
  probe.setHostCgroup(host, true);
  probe.setCallFilter(asked.callFilter);
  probe.setEnabled(asked.codes, asked);
  // Nobody else has the processor while the calls are made.
  probe.start(() => {});
  await calls(name);
  const { seen, filtered, sent, dropped } = probe.counters();
  console.log(`[${name}] err ${probe.variant}: ${seen} seen, ${filtered} filtered, ${sent} sent`);
  if (dropped.ringFull + dropped.overShare > 0) console.log(`[${name}] err the ring was full`);
  probe.close();
}

async function besidePeer(): Promise<void> {
  const said = await withPeer(`${HERE}/peer`, {
    limitMs: PEER_STARTS_MS,
    during: () => calls("peer"),
  });
  for (const line of said) console.log(`[peer] err ${line}`);
}

async function calls(name: string): Promise<void> {
  for (const [who, group] of Object.entries(GROUPS)) {
    const command = `echo $$ > ${group}/cgroup.procs; exec ${HERE}/calls`;
    const child = spawn("/bin/sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    await new Promise((resolve) => child.once("close", resolve));
    for (const line of out.trim().split("\n")) console.log(`[${name}] out ${who}\t${line}`);
  }
}

function tell(thrown: unknown): void {
  for (const line of String(thrown).split("\n")) console.log(`[guest] err ${line}`);
}
