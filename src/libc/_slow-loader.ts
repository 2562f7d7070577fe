// A thread that tells when it loads koffi.
import { parentPort } from "node:worker_threads";

const load = process.dlopen;
process.dlopen = (...args) => {
  parentPort?.postMessage("loading");
  load.apply(process, args);
};
const { nativeThreadData } = await import("./native-thread.ts");
nativeThreadData();
