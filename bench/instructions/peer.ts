// Another watcher, inside the machine: a folder whose program `start` says when it watches.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What is measured while it runs, and how long it may take to begin, in milliseconds. */
interface PeerOptions {
  readonly limitMs: number;
  readonly during: () => Promise<void>;
}

/**
 * Runs `start` in that folder, a process group of its own, until `during` has ended. Resolves to its
 * first lines; throws when it ends before that, or is not ready in time.
 */
export async function withPeer(
  folder: string,
  { limitMs, during }: PeerOptions,
): Promise<readonly string[]> {
  const child = spawn(join(folder, "start"), {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  const late = new Promise<string>((resolve) => {
    setTimeout(() => resolve(`nothing for ${limitMs / 1000} s`), limitMs).unref();
  });
  const said: string[] = [];
  try {
    const obstacle = await Promise.race([isReady(child, said), ended, late]);
    if (obstacle !== READY)
      throw new Error(`The peer never said "${READY}": ${[obstacle, ...said].join("\n")}`);
    await during();
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`The peer did not watch to the last call: ${await ended}`);
  } finally {
    if (child.pid !== undefined) endGroup(child.pid);
    await Promise.race([ended, late]);
  }
  return said;
}

/** What it prints later is read, too: a full pipe would hold it. */
function isReady({ stdout }: ChildProcess, said: string[]): Promise<typeof READY> {
  return new Promise((resolve) => {
    if (stdout === null) return;
    createInterface({ input: stdout }).on("line", (line) => {
      if (line === READY) resolve(READY);
      else if (said.length < LINES_MAX) said.push(line);
    });
  });
}

function endGroup(leader: number): void {
  if (existsSync(`/proc/${leader}`)) process.kill(-leader, "SIGTERM");
}

const READY = "ready";
const LINES_MAX = 20;
