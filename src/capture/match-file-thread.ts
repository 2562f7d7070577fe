// The thread of `MatchFiles` (src/engine): writes capture files, as slowly as the disk is.
import { parentPort } from "node:worker_threads";
import { useHostRoot } from "../lib/host-root.ts";
import { nativeThreadData } from "../libc/native-thread.ts";
import { type MatchFileLimits, type MatchFileOrder, MatchFileWriter } from "./match-file-writer.ts";

const { limits, hostRoot } = nativeThreadData() as {
  readonly limits: MatchFileLimits;
  readonly hostRoot: string;
};
useHostRoot(hostRoot);
const writer = new MatchFileWriter(limits, (report) => parentPort?.postMessage(report));
parentPort?.on("message", (order: MatchFileOrder) => writer.take(order));
