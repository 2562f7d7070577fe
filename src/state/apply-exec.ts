import type { Event } from "../events/event.ts";
import { concatenatePaths, UNKNOWN_DIRECTORY, withoutDeleted } from "./path.ts";
import type { Process } from "./process.ts";
import { cgroupsOf, resourcesOf } from "./program-params.ts";
import type { Thread } from "./thread.ts";
import type { ThreadTable } from "./thread-table.ts";

/** execve, execveat: parameter numbers as in the schema, the same for both. */
export function applyExec(table: ThreadTable, thread: Thread, event: Event): void {
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
  table.closeOnExec(own);
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
