import type { ThreadEntry } from "./host-entries.ts";
import { withoutDeleted } from "./path.ts";
import { NOBODY } from "./process-table.ts";
import type { Process } from "./process.ts";

/** A process as the list of a capture has it; its directory ends with `/`. */
export function processOfEntry(entry: ThreadEntry): Process {
  return {
    ...NOBODY,
    pid: entry.pid,
    ppid: entry.ptid,
    vpid: entry.vpid,
    vpgid: entry.vpgid,
    pgid: entry.pgid,
    sid: entry.sid,
    comm: entry.comm,
    exe: entry.exe,
    exepath: withoutDeleted(entry.exepath),
    args: entry.args,
    env: entry.env,
    cwd: entry.cwd === "" || entry.cwd.endsWith("/") ? entry.cwd : `${entry.cwd}/`,
    tty: entry.tty,
    uid: entry.uid,
    gid: entry.gid,
    loginuid: entry.loginuid,
    capPermitted: entry.capPermitted,
    capEffective: entry.capEffective,
    capInheritable: entry.capInheritable,
    exeFlags: entry.exeFlags,
    exeInode: entry.exeInode,
    exeCtime: entry.exeCtime,
    exeMtime: entry.exeMtime,
    startTime: entry.cloneTime,
    pidNamespaceStart: entry.pidNamespaceStart,
    resources: {
      descriptorLimit: entry.fdlimit,
      majorFaults: entry.pfMajor,
      minorFaults: entry.pfMinor,
      virtualKb: entry.vmSize,
      residentKb: entry.vmRss,
      swappedKb: entry.vmSwap,
    },
  };
}
