// The thread of `MatchFiles` (src/engine): writes capture files, as slowly as the disk is.
import { parentPort, workerData } from "node:worker_threads";
import { useHostRoot } from "../lib/host-root.ts";
import { type MatchFileLimits, type MatchFileOrder, MatchFileWriter } from "./match-file-writer.ts";

const { limits, hostRoot } = workerData as {
  readonly limits: MatchFileLimits;
  readonly hostRoot: string;
};
useHostRoot(hostRoot);
const writer = new MatchFileWriter(limits, (report) => parentPort?.postMessage(report));
parentPort?.on("message", (order: MatchFileOrder) => writer.take(order));
