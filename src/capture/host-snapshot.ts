import { constants } from "node:fs";
import { cpus, hostname, networkInterfaces, totalmem } from "node:os";
import { CLONE_FLAGS, OPEN_FLAGS } from "../events/flag-names.ts";
import type { SocketEnd } from "../events/socket-address.ts";
import { hostPath } from "../lib/host-root.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { statKept } from "../libc/stat-kept.ts";
import {
  DESCRIPTOR_ENTRY_TYPES as TYPES,
  type DescriptorEntry,
  type GroupEntry,
  type HostEntries,
  type InterfaceEntry,
  type ThreadEntry,
  type UserEntry,
} from "../state/host-entries.ts";
import type { Process } from "../state/process.ts";
import { linkOf, listOf, memoryTextOf, textOf } from "./_proc-files.ts";
import { factsOf, NO_EXECUTABLE_FACTS } from "./executable-reader.ts";
import { ProcReader } from "./proc-snapshot.ts";

/** The most descriptors that are listed of one process; the kernel allows a million. */
const MAX_DESCRIPTORS = 16_384;

/** A process may point at any of its memory as its environment (PR_SET_MM_MAP of prctl(2)). */
const MEMORY_LIMITS = { maxBytes: 16 * 1024, maxThreads: 4096 };

/** What a host is now, and how many descriptors had no room in it. */
export interface HostSnapshot {
  readonly entries: HostEntries;
  /** Descriptors beyond `MAX_DESCRIPTORS` of a process. */
  readonly leftOut: number;
}

/**
 * All that a capture begins with, from /proc, /etc and the interfaces: what can be read now. Takes
 * some milliseconds a hundred processes. Of files that are open or run nothing is asked but what
 * the kernel keeps, so that no file system holds it up.
 */
export function snapshotHost(): HostSnapshot {
  const proc = new ProcReader();
  const sockets = new SocketsOfHost();
  const threads: ThreadEntry[] = [];
  const descriptors = new Map<number, DescriptorEntry[]>();
  let leftOut = 0;
  for (const process of proc.all()) {
    const entry = threadOf(process);
    threads.push(entry, ...furtherThreads(entry));
    const numbers = listOf(hostPath(`/proc/${process.pid}/fd`));
    leftOut += Math.max(0, numbers.length - MAX_DESCRIPTORS);
    const open = numbers
      .slice(0, MAX_DESCRIPTORS)
      .flatMap((number) => descriptorOf(process, Number(number), sockets) ?? []);
    if (open.length > 0) descriptors.set(process.pid, open);
  }
  const machine = {
    cpus: cpus().length,
    memoryBytes: BigInt(totalmem()),
    maxPid: BigInt(textOf(hostPath("/proc/sys/kernel/pid_max")).trim() || 0),
    hostname: hostname(),
    bootTime: bootTime(),
  };
  return {
    entries: { machine, threads, descriptors, ...accounts(), interfaces: interfaces() },
    leftOut,
  };
}

/** The leader of a process. */
function threadOf(process: Process): ThreadEntry {
  const { pid } = process;
  const status = textOf(hostPath(`/proc/${pid}/status`));
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const stat = textOf(hostPath(`/proc/${pid}/stat`));
  const numbers = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const limit = /^Max open files\s+(\S+)/m.exec(textOf(hostPath(`/proc/${pid}/limits`)))?.[1];
  return {
    tid: pid,
    pid,
    ptid: process.ppid,
    sid: process.sid,
    vpgid: process.vpgid,
    pgid: process.pgid,
    vtid: process.vpid,
    vpid: process.vpid,
    comm: process.comm,
    exe: process.exe,
    exepath: process.exepath,
    args: process.args,
    env: memoryTextOf(hostPath(`/proc/${pid}`), "environ", { stat, ...MEMORY_LIMITS })
      .split("\0")
      .filter(Boolean),
    cwd: process.cwd,
    root: linkOf(hostPath(`/proc/${pid}/root`)),
    cgroups: cgroupsOf(pid),
    fdlimit: limit === undefined || limit === "unlimited" ? -1 : Number(limit),
    flags: 0,
    uid: process.uid,
    gid: process.gid,
    loginuid: process.loginuid,
    tty: process.tty,
    vmSize: kilobytes("VmSize"),
    vmRss: kilobytes("VmRSS"),
    vmSwap: kilobytes("VmSwap"),
    pfMajor: numbers[9] ?? 0,
    pfMinor: numbers[7] ?? 0,
    cloneTime: process.startTime,
    pidNamespaceStart: 0n,
    exeFlags: process.exeFlags,
    ...(factsOf(statKept(hostPath(`/proc/${pid}/exe`))) ?? NO_EXECUTABLE_FACTS),
    capPermitted: process.capPermitted,
    capEffective: process.capEffective,
    capInheritable: process.capInheritable,
  };
}

function furtherThreads(leader: ThreadEntry): ThreadEntry[] {
  const flags = CLONE_FLAGS.CLONE_THREAD | CLONE_FLAGS.CLONE_FILES;
  return listOf(hostPath(`/proc/${leader.pid}/task`))
    .map(Number)
    .filter((tid) => tid !== leader.tid)
    .map((tid) => {
      const comm =
        textOf(hostPath(`/proc/${leader.pid}/task/${tid}/comm`)).trimEnd() || leader.comm;
      // Its id in a pid namespace of its own is known where there is none.
      return {
        ...leader,
        tid,
        vtid: leader.vpid === leader.pid ? tid : -1,
        comm,
        flags,
        env: [],
        cgroups: [],
      };
    });
}

/**
 * `subsystem=path`, one of each controller; of the second version, where one path stands for all,
 * of some.
 */
function cgroupsOf(pid: number): string[] {
  return textOf(hostPath(`/proc/${pid}/cgroup`))
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const [hierarchy = "", controllers = "", ...path] = line.split(":");
      const names = hierarchy === "0" ? ["cpu", "memory", "pids"] : controllers.split(",");
      return names.map((name) => `${name}=${path.join(":")}`);
    });
}

/**
 * What /proc calls descriptors that are no files. The kinds that came last (memfd, pidfd, bpf,
 * io_uring, userfaultfd) are listed as unsupported ones with their names: readers such as Debian's
 * sysdig 0.29 give up a whole file for one kind that they do not know.
 */
const ANONYMOUS: readonly (readonly [RegExp, DescriptorEntry["type"]])[] = [
  [/^pipe:\[/, TYPES.FIFO],
  [/^anon_inode:\[?eventfd/, TYPES.EVENT],
  [/^anon_inode:\[?eventpoll/, TYPES.EVENTPOLL],
  [/^anon_inode:\[?signalfd/, TYPES.SIGNALFD],
  [/^anon_inode:\[?timerfd/, TYPES.TIMERFD],
  [/^anon_inode:\[?inotify/, TYPES.INOTIFY],
  [/^\/memfd:/, TYPES.UNSUPPORTED],
];

function descriptorOf(
  process: Process,
  number: number,
  sockets: SocketsOfHost,
): DescriptorEntry | undefined {
  const path = hostPath(`/proc/${process.pid}/fd/${number}`);
  const name = linkOf(path);
  if (name === "") return undefined;
  const stat = statKept(path);
  const base = {
    number,
    inode: stat?.inode ?? 0,
    name,
    openFlags: 0,
    device: 0,
    protocol: 0,
    source: undefined,
    destination: undefined,
  };
  const socket = /^socket:\[(\d+)\]$/.exec(name);
  if (socket !== null)
    return {
      ...base,
      type: TYPES.UNSUPPORTED,
      name: "",
      ...sockets.of(process, Number(socket[1])),
    };
  const known = ANONYMOUS.find(([pattern]) => pattern.test(name));
  if (known !== undefined) return { ...base, type: known[1] };
  if (!name.startsWith("/")) return { ...base, type: TYPES.UNSUPPORTED };
  if (((stat?.mode ?? 0) & constants.S_IFMT) === constants.S_IFDIR)
    return { ...base, type: TYPES.DIRECTORY };
  return {
    ...base,
    type: TYPES.FILE_V2,
    openFlags: openFlagsOf(process.pid, number),
    device: stat?.device ?? 0,
  };
}

/** The access mode alone: the rest is told by the open itself. */
function openFlagsOf(pid: number, number: number): number {
  const flags = Number.parseInt(
    /^flags:\s+(\d+)/m.exec(textOf(hostPath(`/proc/${pid}/fdinfo/${number}`)))?.[1] ?? "0",
    8,
  );
  return [OPEN_FLAGS.O_RDONLY, OPEN_FLAGS.O_WRONLY, OPEN_FLAGS.O_RDWR][flags & 3] ?? 0;
}

type SocketEntry = Pick<DescriptorEntry, "type"> & Partial<DescriptorEntry>;

/** The sockets of each network namespace by their inodes, read when first asked for. */
class SocketsOfHost {
  readonly #byNamespace = new Map<number, ReadonlyMap<number, SocketEntry>>();

  of(process: Process, inode: number): SocketEntry | undefined {
    let sockets = this.#byNamespace.get(process.networkNamespace);
    if (sockets === undefined)
      this.#byNamespace.set(process.networkNamespace, (sockets = socketsSeenBy(process.pid)));
    return sockets.get(inode);
  }
}

/** `scap_l4_proto` */
const PROTOCOLS = { tcp: 1, udp: 2, icmp: 3, raw: 4 } as const;

function socketsSeenBy(pid: number): Map<number, SocketEntry> {
  const sockets = new Map<number, SocketEntry>();
  for (const kind of ["tcp", "udp", "icmp", "raw"] as const) {
    for (const family of [4, 6] as const) {
      for (const line of textOf(hostPath(`/proc/${pid}/net/${kind}${family === 6 ? "6" : ""}`))
        .split("\n")
        .slice(1)) {
        const words = line.trim().split(/\s+/);
        const [source, destination] = [endOf(words[1]), endOf(words[2])];
        if (source === undefined || destination === undefined) continue;
        const protocol = PROTOCOLS[kind];
        const entry: SocketEntry =
          destination.port === 0
            ? { type: family === 4 ? TYPES.IPV4_SERVSOCK : TYPES.IPV6_SERVSOCK, protocol, source }
            : {
                type: family === 4 ? TYPES.IPV4_SOCK : TYPES.IPV6_SOCK,
                protocol,
                source,
                destination,
              };
        sockets.set(Number(words[9]), entry);
      }
    }
  }
  for (const line of textOf(hostPath(`/proc/${pid}/net/unix`))
    .split("\n")
    .slice(1)) {
    const words = line.trim().split(/\s+/);
    if (words.length >= 7)
      sockets.set(Number(words[6]), { type: TYPES.UNIX_SOCK, name: words[7] ?? "" });
  }
  return sockets;
}

/**
 * `0100007F:1F90`: the address as 32-bit words in the host's order, the port in hexadecimal digits.
 */
function endOf(word: string | undefined): SocketEnd | undefined {
  const [, digits, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(word ?? "") ?? [];
  if (digits === undefined || port === undefined) return undefined;
  const address = new Uint8Array(Buffer.from(digits, "hex"));
  for (let at = 0; at < address.length; at += 4) address.subarray(at, at + 4).reverse();
  return { address, port: Number.parseInt(port, 16) };
}

function accounts(): { users: UserEntry[]; groups: GroupEntry[] } {
  const lines = (path: string): string[][] =>
    textOf(path)
      .split("\n")
      .map((line) => line.split(":"))
      .filter((words) => words.length >= 4);
  return {
    users: lines(hostPath("/etc/passwd")).map(
      ([name = "", , uid, gid, , home = "", shell = ""]) => ({
        uid: Number(uid) || 0,
        gid: Number(gid) || 0,
        name,
        home,
        shell,
      }),
    ),
    groups: lines(hostPath("/etc/group")).map(([name = "", , gid]) => ({
      gid: Number(gid) || 0,
      name,
    })),
  };
}

function interfaces(): InterfaceEntry[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap(({ address, netmask }) => {
      const [own, mask] = [addressBytes(address), addressBytes(netmask)];
      return own === undefined || mask === undefined ? [] : [{ name, address: own, netmask: mask }];
    }),
  );
}

function bootTime(): bigint {
  return BigInt(/^btime (\d+)$/m.exec(textOf(hostPath("/proc/stat")))?.[1] ?? "0") * 1_000_000_000n;
}
