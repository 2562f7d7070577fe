import { CLONE_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import { concatenatePaths, UNKNOWN_DIRECTORY, UNREADABLE, withoutDeleted } from "./path.ts";
import type { Process, Resources } from "./process.ts";
import { isLeader, leaderOf, type Thread } from "./thread.ts";
import type { Change, ThreadTable } from "./thread-table.ts";

// What calls do to the threads of a capture. Each function follows the real engine's parser of the
// same call (libs, userspace/libsinsp/parsers.cpp): what it takes from which parameter, and what it
// leaves alone.

/**
 * A child that a clone exit made known is the one that its own exit tells of, when it is no older
 * than this.
 */
const CLONE_STALE_NS = 2_000_000_000n;

/** clone, clone3, fork, vfork: parameter numbers are the same in all. */
function applyClone(table: ThreadTable, thread: Thread, event: Event): void {
  const result = event.int(0) ?? -1;
  if (result < 0) return;
  if (result === 0) applyCloneInChild(table, event);
  else applyCloneInParent(table, { event, child: result });
  void thread;
}

/** In these the id of the child is not the host's, or the child's own exit tells more. */
const TOLD_BY_CHILD =
  CLONE_FLAGS.CLONE_CHILD_IN_PIDNS |
  CLONE_FLAGS.CLONE_NEWPID |
  CLONE_FLAGS.CLONE_PARENT |
  CLONE_FLAGS.CLONE_VFORK;

function applyCloneInParent(
  table: ThreadTable,
  { event, child }: { readonly event: Event; readonly child: number },
): void {
  const known = table.find(event.tid);
  const isValid = known !== undefined && !known.isUnknown;
  const caller = isValid ? known : learnOfCaller(table, event);
  table.thread = caller;
  const flags = event.uint(15) ?? 0;
  if ((flags & TOLD_BY_CHILD) !== 0 || event.type?.name === "vfork" || caller.tid !== caller.vtid)
    return;
  if (table.recentExits.has(event.tid, child, event.timestamp)) return;
  if (((table.find(child)?.flags ?? 0) & CLONE_FLAGS.CLONE_INVERTED) !== 0) return;
  const isThread = (flags & CLONE_FLAGS.CLONE_THREAD) !== 0;
  const own = isThread
    ? { pid: caller.process.pid, ppid: caller.process.ppid }
    : { pid: child, ppid: caller.tid };
  const inherited = isValid ? caller.process : UNBORN;
  const process = {
    ...inherited,
    ...bornAs(table, event),
    ...own,
    vpid: own.pid,
    env: isThread || isLeader(caller) ? inherited.env : [],
  };
  const born = table.add(process, {
    tid: child,
    vtid: child,
    flags: isThread ? flags | CLONE_FLAGS.CLONE_FILES : flags,
  });
  if (!isThread && isValid) born.group.descriptors = new Map(caller.group.descriptors);
  born.group.cgroups = cgroupsOf(event) ?? caller.group.cgroups;
}

/**
 * A caller that nothing had told of: its clone tells its ids, and the child's program is its own.
 */
function learnOfCaller(table: ThreadTable, event: Event): Thread {
  const { tid } = event;
  const before = table.find(tid) ?? table.addUnknown(tid);
  const ids = { pid: event.int(4) ?? -1, ppid: event.int(5) ?? -1, vpid: event.int(19) ?? -1 };
  const program = {
    exe: event.text(1) ?? "",
    args: event.texts(2),
    comm: event.text(13) ?? event.text(1) ?? "",
  };
  return table.add(
    { ...UNBORN, ...program, ...ids, resources: FRESH_RESOURCES },
    { tid, vtid: event.int(18) ?? -1, flags: before.flags },
  );
}

function applyCloneInChild(table: ThreadTable, event: Event): void {
  const { tid } = event;
  const known = table.find(tid);
  if (
    known !== undefined &&
    known.process.startTime !== 0n &&
    event.timestamp - known.process.startTime < CLONE_STALE_NS
  ) {
    table.thread = known;
    return;
  }
  const flags = (event.uint(15) ?? 0) | CLONE_FLAGS.CLONE_INVERTED;
  const isThread = (flags & CLONE_FLAGS.CLONE_THREAD) !== 0;
  const [pid, ppid] = [event.int(4) ?? tid, event.int(5) ?? -1];
  const model = modelOf(table, { event, tid: isThread ? pid : ppid, isThread });
  const isValid = !model.isUnknown;
  const inherited = isValid ? model.process : UNBORN;
  const inNamespace =
    (flags & CLONE_FLAGS.CLONE_CHILD_IN_PIDNS) !== 0 || (event.int(19) ?? pid) !== pid;
  const parent = table.find(ppid);
  const own = {
    pid,
    ppid: parent === undefined || parent.isUnknown ? 0 : ppid,
    vpid: event.int(19) ?? pid,
  };
  const namespace = inNamespace
    ? { pidNamespaceStart: (event.bigUint(20) ?? 0n) + table.bootTime }
    : {};
  const process = {
    ...inherited,
    ...bornAs(table, event),
    ...own,
    ...namespace,
    env: isThread || isLeader(model) ? inherited.env : [],
  };
  const born = table.add(process, {
    tid,
    vtid: event.int(18) ?? tid,
    flags: isThread ? flags | CLONE_FLAGS.CLONE_FILES : flags,
  });
  table.thread = born;
  if (!isThread && isValid) born.group.descriptors = new Map(model.group.descriptors);
  born.group.cgroups = cgroupsOf(event) ?? model.group.cgroups;
}

/**
 * Whom a child is like: its parent, a thread its leader, which its own event makes known when
 * nothing else did.
 */
function modelOf(
  table: ThreadTable,
  {
    event,
    tid,
    isThread,
  }: { readonly event: Event; readonly tid: number; readonly isThread: boolean },
): Thread {
  const known = table.find(tid) ?? table.addUnknown(tid);
  if (!known.isUnknown || !isThread) return known;
  const program = {
    exe: event.text(1) ?? "",
    args: event.texts(2),
    comm: event.text(13) ?? event.text(1) ?? "",
  };
  const ids = { pid: event.int(4) ?? -1, ppid: event.int(5) ?? -1, vpid: event.int(19) ?? -1 };
  return table.add(
    { ...UNBORN, ...program, ...ids, resources: FRESH_RESOURCES },
    { tid, vtid: -1, flags: 0 },
  );
}

const FRESH_RESOURCES: Resources = {
  descriptorLimit: -1,
  majorFaults: 0,
  minorFaults: 0,
  virtualKb: 0,
  residentKb: 0,
  swappedKb: 0,
};

/** What a process is made of whose parent nobody knows. */
const UNBORN: Process = {
  pid: -1,
  ppid: -1,
  vpid: -1,
  vpgid: -1,
  pgid: -1,
  sid: -1,
  comm: "",
  exe: "",
  exepath: "",
  args: [],
  env: [],
  cwd: "",
  tty: 0,
  uid: 0xffff_ffff,
  gid: 0xffff_ffff,
  loginuid: 0xffff_ffff,
  capPermitted: 0n,
  capEffective: 0n,
  capInheritable: 0n,
  exeFlags: 0,
  exeInode: 0,
  exeCtime: 0n,
  exeMtime: 0n,
  startBoot: 0,
  startTime: 0n,
  execTime: 0n,
  cgroup: 0,
  networkNamespace: 0,
  pidNamespace: 0,
  pidNamespaceStart: undefined,
  resources: undefined,
};

/** What clone tells of the child. */
function bornAs(table: ThreadTable, event: Event) {
  const exe = event.text(1) ?? "";
  return {
    exe,
    args: event.texts(2),
    comm: event.text(13) ?? exe,
    uid: event.uint(16) ?? 0xffff_ffff,
    gid: event.uint(17) ?? 0xffff_ffff,
    resources: resourcesOf(event, undefined),
    pidNamespaceStart: table.bootTime,
    startTime: event.timestamp,
    execTime: 0n,
  };
}

/**
 * fdlimit to vm_swap, which execve and clone have in the same places; events of the first engines
 * have no memory among them.
 */
function resourcesOf(event: Event, before: Resources | undefined): Resources {
  const hasMemory = event.has(12);
  return {
    descriptorLimit: event.int(7) ?? before?.descriptorLimit,
    majorFaults: hasMemory ? event.uint(8) : (before?.majorFaults ?? 0),
    minorFaults: hasMemory ? event.uint(9) : (before?.minorFaults ?? 0),
    virtualKb: hasMemory ? event.uint(10) : (before?.virtualKb ?? 0),
    residentKb: hasMemory ? event.uint(11) : (before?.residentKb ?? 0),
    swappedKb: hasMemory ? event.uint(12) : (before?.swappedKb ?? 0),
  };
}

function cgroupsOf(event: Event): readonly string[] | undefined {
  return event.has(14) ? event.texts(14) : undefined;
}

/** execve, execveat: parameter numbers as in the schema, the same for both. */
function applyExec(table: ThreadTable, thread: Thread, event: Event): void {
  if (event.int(0) !== 0) return;
  const before = thread.process;
  const exe = event.text(1) ?? "";
  const ids = {
    pid: event.int(4) ?? before.pid,
    ...(thread.isUnknown ? { ppid: event.int(5) ?? before.ppid, vpid: event.int(4) ?? -1 } : {}),
  };
  const after: Process = {
    ...before,
    ...ids,
    exe,
    args: event.texts(2),
    comm: event.text(13) ?? exe,
    env: event.has(15) ? event.texts(15) : before.env,
    tty: event.uint(16) ?? before.tty,
    vpgid: event.int(17) ?? before.vpgid,
    loginuid: event.uint(18) ?? before.loginuid,
    exeFlags: event.uint(19) ?? before.exeFlags,
    ...(event.has(22)
      ? {
          capInheritable: event.bigUint(20) ?? 0n,
          capPermitted: event.bigUint(21) ?? 0n,
          capEffective: event.bigUint(22) ?? 0n,
        }
      : {}),
    ...(event.has(25)
      ? {
          exeInode: event.uint(23) ?? 0,
          exeCtime: event.bigUint(24) ?? 0n,
          exeMtime: event.bigUint(25) ?? 0n,
        }
      : {}),
    uid: event.uint(26) ?? before.uid,
    exepath: withoutDeleted(event.text(27) ?? enteredPath(table, thread, event) ?? before.exepath),
    pgid: event.int(28) ?? -1,
    gid: event.uint(29) ?? before.gid,
    execTime: event.timestamp,
    resources: resourcesOf(event, before.resources),
  };
  const own = thread.isUnknown ? learnOfExec(table, thread, { event, after }) : thread;
  if (own === thread) own.process = after;
  const cgroups = cgroupsOf(event);
  if (cgroups !== undefined) own.group.cgroups = cgroups;
  table.removeOthers(own);
}

function learnOfExec(
  table: ThreadTable,
  thread: Thread,
  { event, after }: { readonly event: Event; readonly after: Process },
): Thread {
  const learned = table.add(
    { ...after, cwd: "" },
    { tid: thread.tid, vtid: event.int(3) ?? -1, flags: thread.flags },
  );
  table.thread = learned;
  return learned;
}

/** The path that the call was made with; undefined when its enter event is not there. */
function enteredPath(table: ThreadTable, thread: Thread, event: Event): string | undefined {
  const enter = table.enterOf(thread, event);
  if (enter === undefined) return undefined;
  if (enter.code === EXECVE_ENTER) {
    const path = enter.text(0);
    return path === undefined || path === "<NA>"
      ? "<NA>"
      : concatenatePaths(thread.process.cwd, path);
  }
  const [path, flags] = [enter.text(1) ?? "", enter.uint(2) ?? 0];
  const dirfd = enter.int(0) ?? -1;
  // The descriptor itself is the program.
  if ((path === "" || path === "<NA>") && (flags & AT_EMPTY_PATH) !== 0)
    return thread.group.descriptors.get(dirfd)?.name ?? "<NA>";
  if (path === "<NA>") return "<NA>";
  if (path.startsWith("/")) return concatenatePaths("", path);
  const base = table.directoryOf(thread, dirfd);
  return base === UNKNOWN_DIRECTORY ? "<NA>" : concatenatePaths(base, path);
}

const EXECVE_ENTER = 292;
const AT_EMPTY_PATH = 1;

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
