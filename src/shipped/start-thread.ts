import { isSea } from "node:sea";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { runEmbedded } from "./run-embedded.ts";

/** The threads that Saker starts, each by its file below `src`. */
export const THREADS = [
  "capture/match-file-thread",
  "engine/heartbeat-thread",
  "history/history-thread",
  "untrusted/reader-thread",
] as const;

export type ThreadName = (typeof THREADS)[number];

/** Starts a module as a thread, or one of them: from the sources, from what was built of them, or from the one file that both were packed into. */
export function startThread(name: ThreadName | URL, options: WorkerOptions): Worker {
  if (name instanceof URL) return new Worker(name, options);
  if (isSea()) {
    // The program takes no options of Node's from its environment: nor may its threads.
    const { NODE_OPTIONS: _, ...env } = process.env;
    return new Worker(`(${runEmbedded.toString()})("${name}")`, { ...options, env, eval: true });
  }
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Worker(new URL(`../${name}.${ending}`, import.meta.url), options);
}
