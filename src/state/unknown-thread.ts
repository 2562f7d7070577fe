import type { Process } from "./process.ts";
import { NOBODY } from "./process-table.ts";
import type { Thread } from "./thread.ts";

/** The process of a thread that nothing told of. */
export const UNKNOWN_PROCESS: Process = {
  ...NOBODY,
  cwd: "./",
  pid: -1,
  ppid: -1,
  sid: -1,
  vpgid: -1,
  pgid: -1,
  vpid: -1,
  comm: "<NA>",
  exe: "<NA>",
  uid: 0xffff_ffff,
  gid: 0xffff_ffff,
  env: [],
  resources: {
    descriptorLimit: 0,
    majorFaults: 0,
    minorFaults: 0,
    virtualKb: 0,
    residentKb: 0,
    swappedKb: 0,
  },
};

/** Stands for the thread of an event whose own is unknown, where the event makes it known. */
export const NO_THREAD: Thread = {
  tid: -1,
  vtid: -1,
  process: UNKNOWN_PROCESS,
  flags: 0,
  isUnknown: true,
  hasExited: false,
  children: new Set(),
  entered: undefined,
  group: {
    pid: -1,
    threads: new Map(),
    alive: 0,
    descriptors: new Map(),
    cgroups: [],
    isReaper: false,
  },
};
