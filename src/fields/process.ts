import { EXEC_FLAGS } from "../events/flag-names.ts";
import { CONTEXT } from "../events/record.ts";
import type { Process } from "../state/process.ts";
import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import { furtherThreads } from "../state/thread.ts";
import { MAX_ANCESTORS } from "./_ancestors.ts";
import { fieldsOf } from "./_define.ts";
import { resolvedParam } from "./_path-params.ts";
import { capabilityNames } from "./capabilities.ts";
import type { Field } from "./field.ts";

const { plain, keyed, ancestral, absent } = fieldsOf("process");

/** `proc.*` and `thread.*`: the process that acted, and its ancestors. */
export const PROCESS_FIELDS: readonly Field[] = [
  plain(
    "proc.name",
    "CHARBUF",
    "Name of the program as the kernel keeps it, 15 bytes at the most",
    (scene) => scene.process?.comm,
  ),
  plain(
    "proc.exe",
    "CHARBUF",
    "First word of the command line (argv[0])",
    (scene) => scene.process?.exe,
  ),
  plain(
    "proc.exepath",
    "CHARBUF",
    "Resolved path of the executable",
    (scene) => resolvedParam(scene, "trusted_exepath") ?? scene.process?.exepath,
  ),
  plain(
    "proc.cmdline",
    "CHARBUF",
    "Name and arguments, joined by blanks",
    perEvent((scene) => commandLine(scene.process)),
  ),
  plain("proc.exeline", "CHARBUF", "argv[0] and arguments, joined by blanks", (scene) => {
    const process = scene.process;
    return process === undefined ? undefined : `${process.exe} ${process.args.join(" ")}`;
  }),
  keyed(
    "proc.args",
    "CHARBUF",
    "Arguments without argv[0], joined by blanks; [n] is one of them",
    { kind: "index", required: false },
    (argument) => {
      if (argument === undefined) return (scene) => scene.process?.args.join(" ");
      const index = wholeNumber(argument);
      return index === undefined
        ? undefined
        : (scene) => (scene.process === undefined ? undefined : (scene.process.args[index] ?? ""));
    },
  ),
  plain(
    "proc.cmdnargs",
    "UINT64",
    "Number of arguments, argv[0] left out",
    (scene) => scene.process?.args.length,
  ),
  plain("proc.cmdlenargs", "UINT64", "Length of all arguments together, blanks left out", (scene) =>
    scene.process?.args.reduce((sum, arg) => sum + arg.length, 0),
  ),
  keyed(
    "proc.env",
    "CHARBUF",
    "Environment, joined by blanks; [NAME] is one variable",
    { kind: "index|key", required: false, environment: "process" },
    (argument) => environment((scene) => scene.process, argument),
  ),
  plain("proc.cwd", "CHARBUF", "Working directory, ends with /", (scene) => scene.process?.cwd),
  plain(
    "proc.tty",
    "UINT32",
    "Number of the controlling terminal, 0 without one",
    (scene) => scene.process?.tty,
  ),
  plain("proc.pid", "INT64", "Process id on the host", (scene) => inRange(scene.process?.pid)),
  plain("proc.ppid", "INT64", "Process id of the parent", (scene) =>
    positive(ancestor(scene, 1)?.pid ?? scene.process?.ppid),
  ),
  plain("proc.vpid", "INT64", "Process id in its own pid namespace", (scene) =>
    scene.process?.vpid === -1 ? undefined : scene.process?.vpid,
  ),
  plain(
    "proc.pvpid",
    "INT64",
    "Parent's process id in its own pid namespace",
    (scene) => ancestor(scene, 1)?.vpid,
  ),
  plain("proc.sid", "INT64", "Session id", (scene) => scene.process?.sid),
  plain(
    "proc.vpgid",
    "INT64",
    "Process group id in the pid namespace",
    (scene) => scene.process?.vpgid,
  ),
  plain("proc.pgid", "INT64", "Process group id on the host", (scene) => scene.process?.pgid),
  ...leaderFields("sid", "session"),
  ...leaderFields("pgid", "process group"),
  ...leaderFields("vpgid", "process group (in its pid namespace)"),
  plain("proc.is_sid_leader", "BOOL", "True when the process leads its session", (scene) =>
    isLeader(scene.process?.sid, scene.process?.vpid),
  ),
  plain("proc.is_pgid_leader", "BOOL", "True when the process leads its group", (scene) =>
    isLeader(scene.process?.pgid, scene.process?.pid),
  ),
  plain(
    "proc.is_vpgid_leader",
    "BOOL",
    "True when the process leads its group, seen in its pid namespace",
    (scene) => isLeader(scene.process?.vpgid, scene.process?.vpid),
  ),
  plain("proc.pname", "CHARBUF", "Name of the parent", (scene) => ancestor(scene, 1)?.comm),
  plain("proc.pexe", "CHARBUF", "argv[0] of the parent", (scene) => ancestor(scene, 1)?.exe),
  plain(
    "proc.pexepath",
    "CHARBUF",
    "Resolved path of the parent's executable",
    (scene) => ancestor(scene, 1)?.exepath,
  ),
  plain(
    "proc.pcmdline",
    "CHARBUF",
    "Name and arguments of the parent",
    perEvent((scene) => commandLine(ancestor(scene, 1))),
  ),
  ancestral(
    "proc.aname",
    "CHARBUF",
    "Name of the n-th ancestor; without [n] of any",
    (scene, up) => ancestor(scene, up)?.comm,
  ),
  ancestral(
    "proc.aexe",
    "CHARBUF",
    "argv[0] of the n-th ancestor; without [n] of any",
    (scene, up) => ancestor(scene, up)?.exe,
  ),
  ancestral(
    "proc.aexepath",
    "CHARBUF",
    "Executable of the n-th ancestor; without [n] of any",
    (scene, up) => ancestor(scene, up)?.exepath,
  ),
  ancestral(
    "proc.acmdline",
    "CHARBUF",
    "Command line of the n-th ancestor; without [n] of any",
    (scene, up) => commandLine(ancestor(scene, up)),
  ),
  ancestral(
    "proc.apid",
    "INT64",
    "Process id of the n-th ancestor; without [n] of any",
    (scene, up) => inRange(ancestor(scene, up)?.pid),
    { alone: 0 },
  ),
  ancestral(
    "proc.aargs",
    "CHARBUF",
    "Arguments of the n-th ancestor; without [n] of any",
    (scene, up) => ancestor(scene, up)?.args.join(" "),
    { isFree: true },
  ),
  keyed(
    "proc.aenv",
    "CHARBUF",
    "Environment of the process; [n] of the n-th ancestor, [NAME] one variable of the nearest ancestor that has it",
    {
      kind: "index|key",
      required: false,
      noRightSide: true,
      noTransformer: true,
      environment: "process",
    },
    (argument) => {
      const up = argument === undefined ? 0 : wholeNumber(argument);
      return up === undefined
        ? nearestVariable(`${argument ?? ""}=`)
        : (scene) => ancestor(scene, up)?.env?.join(" ");
    },
  ),
  plain(
    "proc.loginshellid",
    "INT64",
    "Process id of the oldest shell among the process and its ancestors",
    loginShell,
  ),
  plain("proc.duration", "RELTIME", "Nanoseconds since the process started", (scene) =>
    since(scene, scene.process),
  ),
  plain("proc.ppid.duration", "RELTIME", "Nanoseconds since the parent started", (scene) => {
    // The parent is the thread that made this process; what started is that thread's process.
    const parent = ancestor(scene, 1);
    return parent === undefined
      ? undefined
      : since(scene, scene.processes.get(parent.pid) ?? parent);
  }),
  plain("proc.pid.ts", "RELTIME", "Start of the process, epoch nanoseconds", (scene) =>
    known(scene.process?.startTime),
  ),
  plain(
    "proc.ppid.ts",
    "RELTIME",
    "Start of the parent, epoch nanoseconds",
    (scene) => ancestor(scene, 1)?.startTime,
  ),
  plain(
    "proc.is_exe_writable",
    "BOOL",
    "True when whoever ran the executable may also write it",
    (scene) => hasExecFlag(scene, EXEC_FLAGS.EXE_WRITABLE),
  ),
  plain(
    "proc.is_exe_upper_layer",
    "BOOL",
    "True when the executable lies in the writable layer of an overlay file system: it is not the image's",
    (scene) => hasExecFlag(scene, EXEC_FLAGS.EXE_UPPER_LAYER),
  ),
  plain(
    "proc.is_exe_lower_layer",
    "BOOL",
    "True when the executable lies in a lower layer of an overlay file system",
    (scene) => hasExecFlag(scene, EXEC_FLAGS.EXE_LOWER_LAYER),
  ),
  plain(
    "proc.is_exe_from_memfd",
    "BOOL",
    "True when the executable is anonymous memory (memfd_create)",
    (scene) => hasExecFlag(scene, EXEC_FLAGS.EXE_FROM_MEMFD),
  ),
  plain("proc.exe_ino", "INT64", "Inode of the executable", (scene) =>
    known(scene.process?.exeInode),
  ),
  plain(
    "proc.exe_ino.ctime",
    "ABSTIME",
    "Last change of the executable's inode, epoch nanoseconds",
    (scene) => known(scene.process?.exeCtime),
  ),
  plain(
    "proc.exe_ino.mtime",
    "ABSTIME",
    "Last write of the executable, epoch nanoseconds",
    (scene) => known(scene.process?.exeMtime),
  ),
  plain(
    "proc.exe_ino.ctime_duration_proc_start",
    "ABSTIME",
    "Nanoseconds from the executable's last inode change to the start of the program",
    (scene) => {
      const process = scene.process;
      return process === undefined || process.execTime === 0n
        ? undefined
        : process.execTime - process.exeCtime;
    },
  ),
  plain("thread.tid", "INT64", "Thread id on the host", (scene) => inRange(scene.event.tid)),
  plain("thread.ismain", "BOOL", "True when the thread is its process's first", (scene) =>
    scene.process === undefined ? undefined : scene.process.pid === scene.event.tid,
  ),
  plain(
    "thread.cap_permitted",
    "CHARBUF",
    "Permitted capabilities, names joined by blanks",
    perEvent((scene) => capabilities(scene.process?.capPermitted)),
  ),
  plain(
    "thread.cap_effective",
    "CHARBUF",
    "Effective capabilities, names joined by blanks",
    perEvent((scene) => capabilities(scene.process?.capEffective)),
  ),
  plain(
    "thread.cap_inheritable",
    "CHARBUF",
    "Inheritable capabilities, names joined by blanks",
    perEvent((scene) => capabilities(scene.process?.capInheritable)),
  ),
  plain("thread.pidns", "UINT64", "Inode of the pid namespace (Saker's own field)", (scene) =>
    contextNumber(scene, CONTEXT.pidNamespace),
  ),
  plain("thread.netns", "UINT64", "Inode of the network namespace (Saker's own field)", (scene) =>
    contextNumber(scene, CONTEXT.networkNamespace),
  ),
  plain("thread.mntns", "UINT64", "Inode of the mount namespace (Saker's own field)", (scene) =>
    contextNumber(scene, CONTEXT.mountNamespace),
  ),
  plain(
    "thread.vtid",
    "INT64",
    "Thread id in its own pid namespace; known of a process's first thread",
    (scene) =>
      scene.thread !== undefined
        ? scene.thread.vtid === -1
          ? undefined
          : scene.thread.vtid
        : scene.process?.pid === scene.event.tid
          ? scene.process.vpid
          : undefined,
  ),
  plain("thread.nametid", "CHARBUF", "Name of the program and thread id in one", (scene) =>
    scene.process === undefined ? undefined : `${scene.process.comm}${scene.event.tid}`,
  ),
  absent("thread.exectime", "RELTIME", "Time that the thread ran since it was last scheduled"),
  absent("thread.totexectime", "RELTIME", "Time that the thread has run in all"),
  plain("thread.cgroups", "CHARBUF", "All control groups of the thread, in captures", (scene) => {
    const cgroups = scene.thread?.group.cgroups;
    return cgroups === undefined || cgroups.length === 0
      ? undefined
      : cgroups.map(withOldName).join(" ");
  }),
  keyed(
    "thread.cgroup",
    "CHARBUF",
    "The thread's control group of one subsystem, in captures",
    { kind: "key", required: true, dotted: true },
    (argument) => {
      const prefix = `${argument ?? ""}=`;
      return (scene) =>
        scene.thread?.group.cgroups
          .map(withOldName)
          .find((one) => one.startsWith(prefix))
          ?.slice(prefix.length);
    },
  ),
  ...["thread.cpu", "thread.cpu.user", "thread.cpu.system"].map((name) =>
    absent(name, "DOUBLE", "Share of a processor that the thread used in the last second"),
  ),
  plain(
    "proc.nthreads",
    "UINT64",
    "Number of threads of the process, in captures",
    (scene) => scene.thread?.group.alive,
  ),
  plain(
    "proc.nchilds",
    "UINT64",
    "Number of further threads of the process, in captures",
    (scene) => (scene.thread === undefined ? undefined : furtherThreads(scene.thread)),
  ),
  plain("proc.fdopencount", "UINT64", "Number of open descriptors, in captures", (scene) =>
    scene.thread?.isUnknown === true ? 0 : scene.thread?.group.descriptors.size,
  ),
  plain(
    "proc.fdusage",
    "DOUBLE",
    "Open descriptors in percent of proc.fdlimit, in captures",
    descriptorUsage,
  ),
];

/** The process itself (0), its parent (1) and so on; undefined where the chain ends. */
export function ancestor(scene: Scene, up: number): Process | undefined {
  let process = scene.process;
  for (let step = 0; step < up && process !== undefined; step += 1) {
    process = process.ppid === process.pid ? undefined : scene.processes.get(process.ppid);
    // The kernel's idle task starts the first process, and is no ancestor of anybody.
    if (process?.pid === 0 && scene.thread === undefined) return undefined;
  }
  return process;
}

function nearestVariable(prefix: string) {
  return (scene: Scene): string | undefined => {
    for (let up = 1; up <= MAX_ANCESTORS; up += 1) {
      const process = ancestor(scene, up);
      if (process === undefined) break;
      const variable = process.env?.find((candidate) => candidate.startsWith(prefix));
      if (variable !== undefined) return variable.slice(prefix.length);
    }
    return scene.process === undefined ? undefined : "";
  };
}

/** A shell is what is named so: sh, bash, zsh, … */
function loginShell(scene: Scene): number | undefined {
  let found: number | undefined;
  for (let up = 0; up <= MAX_ANCESTORS; up += 1) {
    const process = ancestor(scene, up);
    if (process === undefined) break;
    if (process.comm.endsWith("sh")) found = process.pid;
  }
  return found;
}

function commandLine(process: Process | undefined): string | undefined {
  if (process === undefined) return undefined;
  return process.args.length === 0 ? process.comm : `${process.comm} ${process.args.join(" ")}`;
}

function leaderFields(key: "sid" | "pgid" | "vpgid", what: string): Field[] {
  const name = key === "sid" ? "proc.sname" : `proc.${key}.name`;
  // Of a leader that nobody knows they are empty, not missing.
  const read = (member: "comm" | "exe" | "exepath") => (scene: Scene) =>
    scene.process === undefined ? undefined : (leaderOf(scene, key)?.[member] ?? "");
  return [
    plain(name, "CHARBUF", `Name of the leader of the ${what}`, read("comm")),
    plain(`proc.${key}.exe`, "CHARBUF", `argv[0] of the leader of the ${what}`, read("exe")),
    plain(
      `proc.${key}.exepath`,
      "CHARBUF",
      `Executable of the leader of the ${what}`,
      read("exepath"),
    ),
  ];
}

/**
 * The process whose id is that of the session or group; where it is gone, the oldest ancestor in a
 * row that belongs to the same.
 */
function leaderOf(scene: Scene, key: "sid" | "pgid" | "vpgid"): Process | undefined {
  const id = scene.process?.[key] ?? -1;
  if (id === -1) return undefined;
  // Within a pid namespace these are no ids of the host.
  const leader =
    key !== "pgid" && scene.process?.vpid !== scene.process?.pid
      ? undefined
      : scene.processes.get(id);
  if (leader !== undefined) return leader;
  let oldest: Process | undefined;
  for (let up = 1; up <= MAX_ANCESTORS; up += 1) {
    const process = ancestor(scene, up);
    if (process === undefined || process[key] !== id) break;
    oldest = process;
  }
  return oldest;
}

function descriptorUsage({ thread, process }: Scene): number | undefined {
  if (thread === undefined) return undefined;
  const limit = process?.resources?.descriptorLimit ?? 0;
  return limit <= 0 ? 0 : (thread.group.descriptors.size * 100) / limit;
}

/** An id that no kernel gives is none. */
function inRange(id: number | undefined): number | undefined {
  return id === undefined || id > 0xffff_ffff ? undefined : id;
}

/** The subsystem that version 2 calls io has its old name, as in the real engine. */
function withOldName(cgroup: string): string {
  return cgroup.startsWith("io=") ? `blk${cgroup}` : cgroup;
}

function positive(id: number | undefined): number | undefined {
  return id === undefined || id <= 0 ? undefined : inRange(id);
}

function environment(of: (scene: Scene) => Process | undefined, argument: string | undefined) {
  if (argument === undefined) return (scene: Scene) => of(scene)?.env?.join(" ");
  const index = wholeNumber(argument);
  if (index !== undefined) return (scene: Scene) => of(scene)?.env?.[index];
  const prefix = `${argument}=`;
  return (scene: Scene) =>
    of(scene)
      ?.env?.find((variable) => variable.startsWith(prefix))
      ?.slice(prefix.length);
}

/** 0 stands for an inode or a time that nothing told. */
function known<Value extends number | bigint>(value: Value | undefined): Value | undefined {
  return Number(value) === 0 ? undefined : value;
}

function since(scene: Scene, process: Process | undefined): bigint | undefined {
  return process === undefined || process.startTime === 0n
    ? undefined
    : scene.event.timestamp - process.startTime;
}

function hasExecFlag(scene: Scene, flag: number): boolean | undefined {
  return scene.process === undefined ? undefined : (scene.process.exeFlags & flag) !== 0;
}

function isLeader(group: number | undefined, pid: number | undefined): boolean | undefined {
  return pid === undefined ? undefined : group === pid;
}

function capabilities(set: bigint | undefined): string | undefined {
  return set === undefined ? undefined : capabilityNames(set);
}

function contextNumber(scene: Scene, field: number): number | undefined {
  return scene.event.context < 0 ? undefined : scene.event.contextU32(field);
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
