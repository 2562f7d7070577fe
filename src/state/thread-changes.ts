import { CLONE_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import { applyClone } from "./apply-clone.ts";
import { applyExec } from "./apply-exec.ts";
import { concatenatePaths, UNREADABLE } from "./path.ts";
import type { Resources } from "./process.ts";
import { isLeader, leaderOf, type Thread } from "./thread.ts";
import type { Change, ThreadTable } from "./thread-table.ts";

// What calls do to the threads of a capture. Each function follows the real engine's parser of the
// same call (libs, userspace/libsinsp/parsers.cpp): what it takes from which parameter, and what it
// leaves alone.

function applyChdir(table: ThreadTable, thread: Thread, event: Event): void {
  const path = event.text(1) ?? UNREADABLE;
  if ((event.int(0) ?? -1) < 0) return;
  // As in the real engine, a path that is empty (or was not readable) leads to the root.
  table.changeGroup(thread, {
    cwd:
      path === ""
        ? "/"
        : withSlash(
            concatenatePaths(
              path.startsWith("/") ? "" : table.directoryOf(thread, undefined),
              path,
            ),
          ),
  });
}

function applyFchdir(table: ThreadTable, thread: Thread, event: Event): void {
  const path = table.descriptor?.name;
  if ((event.int(0) ?? -1) < 0 || path === undefined || path === "") return;
  table.changeGroup(thread, { cwd: withSlash(path) });
}

/** The kernel's own word: an older chdir was lost, or its directory has been moved. */
function applyGetcwd(table: ThreadTable, thread: Thread, event: Event): void {
  const path = event.text(1);
  if (
    (event.int(0) ?? -1) < 0 ||
    path === undefined ||
    table.directoryOf(thread, undefined) === withSlash(path)
  )
    return;
  table.changeGroup(thread, { cwd: withSlash(path) });
}

function applyExit(table: ThreadTable, thread: Thread, event: Event): void {
  table.leave(thread, event.int(4) ?? 0);
  table.recentExits.add(thread.process.ppid, thread.tid, event.timestamp);
}

/** What a call that succeeded sets. */
function credentials(params: { readonly uid?: number; readonly gid?: number }): Change {
  return (_table, thread, event) => {
    if (event.int(0) !== 0) return;
    const { uid, gid } = thread.process;
    thread.process = {
      ...thread.process,
      uid: params.uid === undefined ? uid : (event.uint(params.uid) ?? uid),
      gid: params.gid === undefined ? gid : (event.uint(params.gid) ?? gid),
    };
  };
}

function applySetsid(_table: ThreadTable, thread: Thread, event: Event): void {
  const sid = event.int(0) ?? -1;
  if (sid >= 0) thread.process = { ...thread.process, sid };
}

function applyCapset(_table: ThreadTable, thread: Thread, event: Event): void {
  if (event.int(0) !== 0) return;
  const { process } = thread;
  thread.process = {
    ...process,
    capInheritable: event.bigUint(1) ?? process.capInheritable,
    capPermitted: event.bigUint(2) ?? process.capPermitted,
    capEffective: event.bigUint(3) ?? process.capEffective,
  };
}

/** In a user namespace of its own a thread may do everything. */
function entersUserNamespace(flagsParam: number): Change {
  return (_table, thread, event) => {
    if (event.int(0) !== 0 || ((event.uint(flagsParam) ?? 0) & CLONE_FLAGS.CLONE_NEWUSER) === 0)
      return;
    thread.process = {
      ...thread.process,
      capPermitted: ALL_CAPABILITIES,
      capEffective: ALL_CAPABILITIES,
      capInheritable: ALL_CAPABILITIES,
    };
  };
}

/** CAP_CHOWN to CAP_CHECKPOINT_RESTORE. */
const ALL_CAPABILITIES = (1n << 41n) - 1n;

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * The thread's own numbers. Hot: they are changed where they are, since memory calls are many and
 * nobody keeps these.
 */
function resourcesToChange(thread: Thread): Changing<Resources> {
  const { resources } = thread.process;
  if (resources !== undefined) return resources;
  const fresh = { ...NO_RESOURCES };
  thread.process = { ...thread.process, resources: fresh };
  return fresh;
}

const NO_RESOURCES: Resources = {
  descriptorLimit: undefined,
  majorFaults: undefined,
  minorFaults: undefined,
  virtualKb: undefined,
  residentKb: undefined,
  swappedKb: undefined,
};

/** brk, mmap, munmap: what the process takes of memory after it. */
function applyMemory(_table: ThreadTable, thread: Thread, event: Event): void {
  if (!event.has(1)) return;
  const resources = resourcesToChange(thread);
  resources.virtualKb = event.uint(1);
  resources.residentKb = event.uint(2);
  resources.swappedKb = event.uint(3);
}

/**
 * The limit of open descriptors, where a call tells or sets it (RLIMIT_NOFILE of scap's numbering).
 */
function descriptorLimit(params: {
  readonly value: number;
  readonly resource: number;
  readonly pid?: number;
}): Change {
  return (table, thread, event) => {
    const value = event.int(params.value);
    if (
      (event.int(0) ?? -1) < 0 ||
      event.uint(params.resource) !== RLIMIT_NOFILE ||
      value === undefined ||
      value === -1
    )
      return;
    const pid = params.pid === undefined ? 0 : (event.int(params.pid) ?? 0);
    const target = pid === 0 ? (leaderOf(thread) ?? thread) : table.find(pid);
    if (target !== undefined) resourcesToChange(target).descriptorLimit = value;
  };
}

const RLIMIT_NOFILE = 7;

/** A process may ask to adopt the children of its descendants, or whether it does. */
function applyPrctl(_table: ThreadTable, thread: Thread, event: Event): void {
  if (event.int(0) !== 0) return;
  const option = event.uint(1);
  if (option === PR_SET_CHILD_SUBREAPER || option === PR_GET_CHILD_SUBREAPER)
    thread.group.isReaper = (event.int(3) ?? 0) !== 0;
}

const [PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER] = [36, 37];

/** A switch of threads tells the faults of the one that goes, and the memory of its process. */
function applySwitch(_table: ThreadTable, thread: Thread, event: Event): void {
  if (!event.has(1)) return;
  const own = resourcesToChange(thread);
  own.majorFaults = event.uint(1);
  own.minorFaults = event.uint(2);
  const leader = isLeader(thread) ? thread : leaderOf(thread);
  if (leader === undefined) return;
  const shared = resourcesToChange(leader);
  shared.virtualKb = event.uint(3);
  shared.residentKb = event.uint(4);
  shared.swappedKb = event.uint(5);
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

/** What events do to threads, by their names in the schema. */
export const THREAD_CHANGES: Readonly<Record<string, Change>> = {
  clone: applyClone,
  clone3: applyClone,
  fork: applyClone,
  vfork: applyClone,
  execve: applyExec,
  execveat: applyExec,
  procexit: applyExit,
  chdir: applyChdir,
  fchdir: applyFchdir,
  getcwd: applyGetcwd,
  setuid: credentials({ uid: 1 }),
  setgid: credentials({ gid: 1 }),
  setreuid: credentials({ uid: 2 }),
  setregid: credentials({ gid: 2 }),
  setresuid: credentials({ uid: 2 }),
  setresgid: credentials({ gid: 2 }),
  setsid: applySetsid,
  capset: applyCapset,
  unshare: entersUserNamespace(1),
  setns: entersUserNamespace(2),
  brk: applyMemory,
  mmap: applyMemory,
  mmap2: applyMemory,
  munmap: applyMemory,
  getrlimit: descriptorLimit({ value: 1, resource: 3 }),
  setrlimit: descriptorLimit({ value: 1, resource: 3 }),
  prlimit: descriptorLimit({ value: 1, resource: 6, pid: 5 }),
  prctl: applyPrctl,
  switch: applySwitch,
};
