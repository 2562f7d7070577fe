import type { Process, Resources } from "../state/process.ts";
import type { Scene } from "../state/scene.ts";
import { leaderOf } from "../state/thread.ts";
import { MAX_ANCESTORS } from "./_ancestors.ts";
import { fieldsOf } from "./_define.ts";
import type { Extract, Field } from "./field.ts";

const { plain } = fieldsOf("process");

/** What a process may use and used when it was started, and when its pid namespace was. */
export const RESOURCE_FIELDS: readonly Field[] = [
  plain(
    "proc.fdlimit",
    "INT64",
    "The most descriptors that the process may have open, when it was last started; -1 without a limit",
    used("descriptorLimit"),
  ),
  plain(
    "proc.vmsize",
    "UINT64",
    "Virtual memory in kilobytes, when the process was last started",
    used("virtualKb"),
  ),
  plain(
    "proc.vmrss",
    "UINT64",
    "Resident memory in kilobytes, when the process was last started",
    used("residentKb"),
  ),
  plain(
    "proc.vmswap",
    "UINT64",
    "Swapped memory in kilobytes, when the process was last started",
    used("swappedKb"),
  ),
  plain(
    "thread.pfmajor",
    "UINT64",
    "Page faults that read from disk, up to the last start",
    used("majorFaults"),
  ),
  plain(
    "thread.pfminor",
    "UINT64",
    "Page faults that did not, up to the last start",
    used("minorFaults"),
  ),
  plain(
    "thread.vmsize",
    "UINT64",
    "proc.vmsize for a process's first thread, 0 for its others",
    ofFirstThread("virtualKb", 1),
  ),
  plain(
    "thread.vmrss",
    "UINT64",
    "proc.vmrss for a process's first thread, 0 for its others",
    ofFirstThread("residentKb", 1),
  ),
  plain("thread.vmsize.b", "UINT64", "thread.vmsize in bytes", ofFirstThread("virtualKb", 1024)),
  plain("thread.vmrss.b", "UINT64", "thread.vmrss in bytes", ofFirstThread("residentKb", 1024)),
  plain(
    "proc.pidns_init_start_ts",
    "UINT64",
    "Start of the pid namespace's first process, epoch nanoseconds",
    namespaceStart,
  ),
  plain(
    "proc.exe_ino.ctime_duration_pidns_start",
    "ABSTIME",
    "Nanoseconds from the start of the pid namespace to the executable's last inode change; missing when that was before",
    (scene) => {
      const [start, changed] = [namespaceStart(scene), scene.process?.exeCtime ?? 0n];
      return start === undefined || changed <= start ? undefined : changed - start;
    },
  ),
];

function used(what: keyof Resources): Extract {
  return ({ thread, process }) =>
    (what !== "descriptorLimit" || thread === undefined
      ? process
      : (leaderOf(thread)?.process ?? process)
    )?.resources?.[what];
}

function ofFirstThread(what: keyof Resources, unit: number): Extract {
  return ({ process, event }) => {
    const value = process?.resources?.[what];
    if (process === undefined || value === undefined) return undefined;
    return process.pid === event.tid ? value * unit : 0;
  };
}

/**
 * When the process's pid namespace began, epoch nanoseconds: as the process's fork told it, else the start of the ancestor that is the namespace's first
 * process.
 */
export function namespaceStart(scene: Scene): bigint | undefined {
  const began = scene.process?.pidNamespaceStart;
  if (began !== undefined) return began === 0n ? undefined : began;
  const first = firstOfNamespace(scene);
  return first === undefined || first.startTime === 0n ? undefined : first.startTime;
}

function firstOfNamespace(scene: Scene): Process | undefined {
  const namespace = scene.process?.pidNamespace ?? 0;
  let process = namespace === 0 ? undefined : scene.process;
  for (
    let step = 0;
    step < MAX_ANCESTORS && process !== undefined && process.pidNamespace === namespace;
    step += 1
  ) {
    if (process.vpid === 1) return process;
    process = scene.processes.get(process.ppid);
  }
  return undefined;
}
