// The thread of `heartbeat.ts`: watches over the thread that drains the ring, and needs nothing that
// one has.
import { readFileSync, writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { compactHeap } from "../lib/compact-heap.ts";
import { type HeartbeatData, SHARED } from "./heartbeat.ts";

const { shared, silenceMs, pid } = workerData as HeartbeatData;
// As often as the other thread beats: each look wakes a processor.
const turnMs = silenceMs / 2;
const AGAIN_MS = 60_000;

let beats = Atomics.load(shared, SHARED.beats);
let beatenAt = performance.now();
let lookedAt = beatenAt;
let reportedAt: number | undefined;

// Nothing else is to be done here, so it waits by itself, in half of a timer's CPU time; its end is the
// thread's, by who started it.
for (let isFirst = true; ; isFirst = false) {
  Atomics.wait(shared, SHARED.unchanged, 0, turnMs);
  look();
  // What its start took is of no use any more.
  if (isFirst) compactHeap();
}

function look(): void {
  const now = performance.now();
  // Who was stopped as a whole, or found no processor, heard nothing either.
  if (now - lookedAt > turnMs * 1.5) beatenAt += now - lookedAt;
  lookedAt = now;
  const current = Atomics.load(shared, SHARED.beats);
  if (current === beats) return silentFor(now - beatenAt, now);
  if (reportedAt !== undefined) say(`runs again after ${seconds(now - beatenAt)}`);
  beats = current;
  beatenAt = now;
  reportedAt = undefined;
}

/** Said when it begins, and every minute as long as it lasts. */
function silentFor(ms: number, now: number): void {
  if (ms < silenceMs) return;
  if (reportedAt !== undefined && now - reportedAt < AGAIN_MS) return;
  if (reportedAt === undefined) Atomics.add(shared, SHARED.silences, 1);
  reportedAt = now;
  say(`has not run for ${seconds(ms)}: ${whatItDoes()}`);
}

/** proc_pid_stat(5), proc_pid_wchan(5): the main thread's number is the process's. */
function whatItDoes(): string {
  try {
    const stat = readFileSync(`/proc/self/task/${pid}/stat`, "utf8");
    const state = stat[stat.lastIndexOf(")") + 2] ?? "?";
    if (state === "R") return "it is busy";
    const place = readFileSync(`/proc/self/task/${pid}/wchan`, "utf8");
    return `it waits in the kernel${place === "0" || place === "" ? "" : ` (${place})`}, state ${state}`;
  } catch {
    return "what it does cannot be seen";
  }
}

function say(text: string): void {
  try {
    writeSync(2, `saker: warning: The thread that reads events ${text}\n`);
  } catch {
    // Nobody reads.
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
