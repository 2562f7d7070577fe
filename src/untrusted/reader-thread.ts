// The thread of `file-reader.ts`: does what it is asked, one after the other. It may never come back
// from one, so it holds nothing that others need.
import { parentPort } from "node:worker_threads";
import { nativeThreadData } from "../libc/native-thread.ts";
import { type RequestMessage, REQUESTS } from "./requests.ts";

/** The numbers of the request that was begun last, and of the one that was done last. */
const progress = nativeThreadData() as Int32Array;

parentPort?.on("message", ({ id, kind, asked }: RequestMessage) => {
  Atomics.store(progress, 0, id);
  const perform = REQUESTS[kind] as (asked: unknown) => unknown;
  const answer = perform(asked);
  Atomics.store(progress, 1, id);
  parentPort?.postMessage({ id, answer });
});
