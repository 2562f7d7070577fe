import type { SocketEnd } from "../events/socket-address.ts";

// What a source tells of the host before its first event: the process list of a capture, or a
// snapshot of /proc. The names are scap's (libs, userspace/libscap/scap.h); a value that an older
// capture does not hold is what the comment says, else 0 or empty.

/** One thread of the process list (`scap_threadinfo`). */
export interface ThreadEntry {
  readonly tid: number;
  readonly pid: number;
  /** Thread id of the parent. */
  readonly ptid: number;
  /**
   * Session, process group in its own pid namespace, process group: -1 when the capture does not
   * tell.
   */
  readonly sid: number;
  readonly vpgid: number;
  readonly pgid: number;
  /** Ids in its own pid namespace. */
  readonly vtid: number;
  readonly vpid: number;
  readonly comm: string;
  /** argv[0] as given. */
  readonly exe: string;
  readonly exepath: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly root: string;
  /** `subsystem=path` as the events carry them. */
  readonly cgroups: readonly string[];
  readonly fdlimit: number;
  /** Bits of CLONE_FLAGS (events/flag-names.ts). */
  readonly flags: number;
  readonly uid: number;
  readonly gid: number;
  /** 4294967295 when unset. */
  readonly loginuid: number;
  readonly tty: number;
  /** KiB. */
  readonly vmSize: number;
  readonly vmRss: number;
  readonly vmSwap: number;
  readonly pfMajor: number;
  readonly pfMinor: number;
  /** Nanoseconds since the Unix epoch; 0 when not told. */
  readonly cloneTime: bigint;
  readonly pidNamespaceStart: bigint;
  /** Bits of EXEC_FLAGS (events/flag-names.ts). */
  readonly exeFlags: number;
  readonly exeInode: number;
  readonly exeCtime: bigint;
  readonly exeMtime: bigint;
  readonly capPermitted: bigint;
  readonly capEffective: bigint;
  readonly capInheritable: bigint;
}

/** One open descriptor of a thread in the process list (`scap_fdinfo`). */
export interface DescriptorEntry {
  readonly number: number;
  readonly inode: number;
  /** `scap_fd_type`. */
  readonly type: DescriptorEntryType;
  /**
   * The path of a file or directory, the name of a pipe or unix socket; empty for what has none.
   */
  readonly name: string;
  /** Bits of OPEN_FLAGS, files only. */
  readonly openFlags: number;
  /** Device number as scap has it, files only. */
  readonly device: number;
  /** `scap_l4_proto`: 1 tcp, 2 udp, 3 icmp, 4 raw; 0 unknown. IP sockets only. */
  readonly protocol: number;
  /** The source end of an IP socket; the one end of a server's. */
  readonly source: SocketEnd | undefined;
  readonly destination: SocketEnd | undefined;
}

/** Kinds of descriptors in a capture's list (libs, `scap_fd_type`). */
export const DESCRIPTOR_ENTRY_TYPES = {
  UNKNOWN: 0,
  FILE: 1,
  DIRECTORY: 2,
  IPV4_SOCK: 3,
  IPV6_SOCK: 4,
  IPV4_SERVSOCK: 5,
  IPV6_SERVSOCK: 6,
  FIFO: 7,
  UNIX_SOCK: 8,
  EVENT: 9,
  UNSUPPORTED: 10,
  SIGNALFD: 11,
  EVENTPOLL: 12,
  INOTIFY: 13,
  TIMERFD: 14,
  NETLINK: 15,
  FILE_V2: 16,
  BPF: 17,
  USERFAULTFD: 18,
  IOURING: 19,
  MEMFD: 20,
  PIDFD: 21,
} as const;

/** One of `DESCRIPTOR_ENTRY_TYPES`. */
export type DescriptorEntryType =
  (typeof DESCRIPTOR_ENTRY_TYPES)[keyof typeof DESCRIPTOR_ENTRY_TYPES];

/** A line of passwd(5). */
export interface UserEntry {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** A line of group(5). */
export interface GroupEntry {
  readonly gid: number;
  readonly name: string;
}

/** An address of one of the host's interfaces: 4 or 16 bytes. */
export interface InterfaceEntry {
  readonly name: string;
  readonly address: Uint8Array;
  readonly netmask: Uint8Array;
}

/** `scap_machine_info`. */
export interface MachineEntry {
  readonly cpus: number;
  readonly memoryBytes: bigint;
  readonly maxPid: bigint;
  readonly hostname: string;
  /** Nanoseconds since the Unix epoch. */
  readonly bootTime: bigint;
}

/** All that a source tells before its first event. */
export interface HostEntries {
  readonly machine: MachineEntry | undefined;
  readonly threads: readonly ThreadEntry[];
  /** By thread id. */
  readonly descriptors: ReadonlyMap<number, readonly DescriptorEntry[]>;
  readonly users: readonly UserEntry[];
  readonly groups: readonly GroupEntry[];
  readonly interfaces: readonly InterfaceEntry[];
}
