import { CLONE_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import type { Process, Resources } from "./process.ts";
import { NOBODY } from "./process-table.ts";
import { cgroupsOf, resourcesOf } from "./program-params.ts";
import { isLeader, type Thread } from "./thread.ts";
import type { ThreadTable } from "./thread-table.ts";

/**
 * clone, clone3, fork, vfork: parameter numbers are the same in all. Follows the real engine's
 * parser of the same calls (libs, userspace/libsinsp/parsers.cpp), as `applyExec` does.
 */
export function applyClone(table: ThreadTable, _thread: Thread, event: Event): void {
  const result = event.int(0) ?? -1;
  if (result < 0) return;
  if (result === 0) applyCloneInChild(table, event);
  else applyCloneInParent(table, { event, child: result });
}

/**
 * A child that a clone exit made known is the one that its own exit tells of, when it is no older
 * than this.
 */
const CLONE_STALE_NS = 2_000_000_000n;

/** In these the id of the child is not the host's, or the child's own exit tells more. */
const LEFT_TO_CHILD =
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
  if ((flags & LEFT_TO_CHILD) !== 0 || event.type?.name === "vfork" || caller.tid !== caller.vtid)
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
    execTime: isThread ? caller.process.execTime : 0n,
    env: isThread || isLeader(caller) ? inherited.env : [],
  };
  const born = table.add(process, {
    tid: child,
    vtid: child,
    flags: isThread ? flags | CLONE_FLAGS.CLONE_FILES : flags,
  });
  if (!isThread && isValid) inheritDescriptors(born, caller);
  born.group.cgroups = cgroupsOf(event) ?? caller.group.cgroups;
}

function inheritDescriptors({ group }: Thread, parent: Thread): void {
  group.descriptors = new Map(parent.group.descriptors);
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
    (flags & (CLONE_FLAGS.CLONE_CHILD_IN_PIDNS | CLONE_FLAGS.CLONE_NEWPID)) !== 0 ||
    (event.int(18) ?? tid) !== tid;
  const own = { pid, ppid, vpid: event.int(19) ?? pid };
  const namespace = inNamespace
    ? { pidNamespaceStart: (event.bigUint(20) ?? 0n) + table.bootTime }
    : {};
  const process = {
    ...inherited,
    ...bornAs(table, event),
    ...own,
    ...namespace,
    execTime: isThread && isValid ? model.process.execTime : 0n,
    env: isThread || isLeader(model) ? inherited.env : [],
  };
  const born = table.add(process, {
    tid,
    vtid: event.int(18) ?? tid,
    flags: isThread ? flags | CLONE_FLAGS.CLONE_FILES : flags,
  });
  table.thread = born;
  if (!isThread && isValid) inheritDescriptors(born, model);
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
    { tid, vtid: ids.vpid, flags: 0 },
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
  ...NOBODY,
  pid: -1,
  ppid: -1,
  vpid: -1,
  vpgid: -1,
  pgid: -1,
  sid: -1,
  env: [],
  cwd: "",
  uid: 0xffff_ffff,
  gid: 0xffff_ffff,
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
  };
}
