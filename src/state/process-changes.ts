import type { Event } from "../events/event.ts";
import { CLONE_FLAGS } from "../events/flag-names.ts";
import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { joinPath, withoutDeleted } from "./path.ts";
import type { Process, Resources } from "./process.ts";
import type { Ancestry } from "./scene.ts";

/** How an event type changes its process; the result is the same object when it does not. */
type Change = (process: Process, event: Event, table: Ancestry) => Process;

/** execve, execveat: parameter numbers as in the schema, the same for both. */
function applyExec(process: Process, event: Event): Process {
  if (event.int(0) !== 0) return process;
  const args = event.texts(2);
  return {
    ...process,
    exe: event.text(1) ?? "",
    args,
    cwd: withSlash(event.text(6) ?? process.cwd),
    comm: event.text(13) ?? event.comm,
    env: event.has(15) ? event.texts(15) : undefined,
    tty: event.uint(16) ?? 0,
    vpgid: event.int(17) ?? 0,
    exeFlags: event.uint(19) ?? 0,
    capInheritable: event.bigUint(20) ?? 0n,
    capPermitted: event.bigUint(21) ?? 0n,
    capEffective: event.bigUint(22) ?? 0n,
    exeInode: event.uint(23) ?? 0,
    exeCtime: event.bigUint(24) ?? 0n,
    exeMtime: event.bigUint(25) ?? 0n,
    exepath: withoutDeleted(event.text(27) ?? ""),
    pgid: event.int(28) ?? process.pgid,
    execTime: event.timestamp,
    programMountNamespace: event.context < 0 ? 0 : event.contextU32(CONTEXT.mountNamespace),
    resources: resourcesOf(event),
  };
}

/** clone, clone3, fork, vfork as the child reports them: the child runs its parent's program. */
function applyFork(process: Process, event: Event, table: Ancestry): Process {
  const isChild = event.int(0) === 0;
  if (!isChild || ((event.uint(15) ?? 0) & CLONE_FLAGS.CLONE_THREAD) !== 0) return process;
  const born = {
    resources: resourcesOf(event),
    pidNamespaceStart: event.bigUint(20) ?? process.pidNamespaceStart,
  };
  const parent = table.get(process.ppid);
  if (parent === undefined) return { ...process, ...born };
  const { pid, ppid, vpid, uid, gid, loginuid, cgroup, networkNamespace, pidNamespace, startBoot } =
    process;
  const own = {
    pid,
    ppid,
    vpid,
    uid,
    gid,
    loginuid,
    cgroup,
    networkNamespace,
    pidNamespace,
    startBoot,
  };
  return {
    ...parent,
    ...own,
    ...born,
    startTime: event.timestamp,
    comm: event.text(13) ?? parent.comm,
  };
}

/** fdlimit to vm_swap, which execve and clone have in the same places. */
function resourcesOf(event: Event): Resources | undefined {
  if (event.length(7) === 0 && event.length(10) === 0) return undefined;
  return {
    descriptorLimit: event.int(7),
    majorFaults: event.uint(8),
    minorFaults: event.uint(9),
    virtualKb: event.uint(10),
    residentKb: event.uint(11),
    swappedKb: event.uint(12),
  };
}

function applyChdir(process: Process, event: Event): Process {
  if (event.int(0) !== 0) return process;
  return { ...process, cwd: withSlash(joinPath(process.cwd, event.text(1) ?? "")) };
}

function applyFchdir(process: Process, event: Event): Process {
  const path = event.descriptorPath;
  return event.int(0) !== 0 || path === undefined ? process : { ...process, cwd: withSlash(path) };
}

function applySetsid(process: Process, event: Event): Process {
  const sid = event.int(0) ?? -1;
  return sid < 0
    ? process
    : { ...process, sid: process.vpid, pgid: process.pid, vpgid: process.vpid, tty: 0 };
}

function applySetpgid(process: Process, event: Event): Process {
  const [pid, pgid] = [event.int(1) ?? 0, event.int(2) ?? 0];
  if (event.int(0) !== 0 || (pid !== 0 && pid !== process.vpid)) return process;
  return pgid === 0
    ? { ...process, pgid: process.pid, vpgid: process.vpid }
    : { ...process, vpgid: pgid };
}

function keep(process: Process): Process {
  return process;
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

const CHANGES_BY_NAME: Readonly<Record<string, Change>> = {
  execve: applyExec,
  execveat: applyExec,
  clone: applyFork,
  clone3: applyFork,
  fork: applyFork,
  vfork: applyFork,
  chdir: applyChdir,
  fchdir: applyFchdir,
  setsid: applySetsid,
  setpgid: applySetpgid,
  procexit: keep,
};

/** What each event type does to its process, by its code. */
export const PROCESS_CHANGES: readonly (Change | undefined)[] = (() => {
  const table: (Change | undefined)[] = [];
  for (const [name, change] of Object.entries(CHANGES_BY_NAME))
    table[eventType(name).code] = change;
  return table;
})();

/** The event types that a table of processes needs to see, whatever rules ask for. */
export const PROCESS_EVENT_CODES: readonly number[] = Object.keys(CHANGES_BY_NAME).map(
  (name) => eventType(name).code,
);

/** True for an event by which a child begins. */
export function isFork(code: number): boolean {
  return PROCESS_CHANGES[code] === applyFork;
}
