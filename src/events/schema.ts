import type { NameTable } from "./flag-names.ts";
import * as names from "./flag-names.ts";

/** scap's parameter types (libs driver/ppm_events_public.h, `PT_*`). */
export type ParamType =
  | "ABSTIME"
  | "BYTEBUF"
  | "CHARBUF"
  | "CHARBUFARRAY"
  | "CHARBUF_PAIR_ARRAY"
  | "DYN"
  | "ENUMFLAGS16"
  | "ENUMFLAGS32"
  | "ENUMFLAGS8"
  | "ERRNO"
  | "FD"
  | "FD32"
  | "FDLIST"
  | "FLAGS16"
  | "FLAGS32"
  | "FLAGS8"
  | "FSPATH"
  | "FSRELPATH"
  | "GID"
  | "INT16"
  | "INT32"
  | "INT64"
  | "IPV4ADDR"
  | "IPV6ADDR"
  | "MODE"
  | "PID"
  | "PID32"
  | "PORT"
  | "RELTIME"
  | "SIGSET"
  | "SIGTYPE"
  | "SOCKADDR"
  | "SOCKTUPLE"
  | "SYSCALLID"
  | "UID"
  | "UINT16"
  | "UINT32"
  | "UINT64"
  | "UINT8";

/** What an event is about, as `evt.category` has it. */
export type EventCategory =
  | "other"
  | "file"
  | "net"
  | "ipc"
  | "memory"
  | "process"
  | "sleep"
  | "system"
  | "signal"
  | "user"
  | "time"
  | "processing"
  | "io_read"
  | "io_write"
  | "io_other"
  | "wait"
  | "scheduler"
  | "internal"
  | "none";

/**
 * What makes an event: a system call, a tracepoint, a plugin, the engine itself, a BPF iterator;
 * `none` for an unused code.
 */
export type EventSource = "syscall" | "tracepoint" | "plugin" | "metaevent" | "iterator" | "none";

/** How a number prints: decimal, hexadecimal, octal. */
export type NumberFormat = "DEC" | "HEX" | "OCT";

/** One parameter of an event type: how it is called, encoded and shown. */
export interface Param {
  readonly name: string;
  readonly type: ParamType;
  readonly format: NumberFormat;
  /** Names of flag bits or enumeration values, where the parameter has any. */
  readonly names?: NameTable;
}

/**
 * scap's event flags: what an event's descriptor parameters do to the descriptor table, and what
 * became of the event type. OLD_VERSION: today's engine emits another code in its place;
 * CONVERTER_MANAGED: convert.ts knows the code, in whatever version.
 */
export type EventFlag =
  | "CREATES_FD"
  | "DESTROYS_FD"
  | "USES_FD"
  | "READS_FROM_FD"
  | "WRITES_TO_FD"
  | "MODIFIES_STATE"
  | "WAITS"
  | "SKIPPARSERESET"
  | "LARGE_PAYLOAD"
  | "CONVERTER_MANAGED"
  | "OLD_VERSION"
  | "UNUSED";

/** One event type of scap, with its parameters in the order of the record. */
export interface EventType {
  /**
   * scap's event code (`PPME_*`): odd codes are syscall exits, even ones meta events and, in old
   * captures, syscall enters.
   */
  readonly code: number;
  readonly name: string;
  readonly category: EventCategory;
  readonly source: EventSource;
  readonly flags: readonly EventFlag[];
  readonly params: readonly Param[];
}

/**
 * One event: code, name, [source/]category (a system call's source is left out), flags, parameters
 * as "name:TYPE[/HEX|/OCT][=NAMES]" in the order of the wire.
 */
export type Row = readonly [
  code: number,
  name: string,
  category: EventCategory | `${EventSource}/${EventCategory}`,
  flags: string,
  params: readonly string[],
];

// Source: libs driver/event_table.c (facts), schema 4.5.1. Enter events and old versions are in
// all-event-types.ts: today's engine emits exits only.
// oxfmt-ignore
const ROWS: readonly Row[] = [
  [1, "syscall", "other", "CONVERTER_MANAGED", ["ID:SYSCALLID", "nativeID:UINT16"]],
  [3, "open", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "name:FSPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT", "dev:UINT32/HEX", "ino:UINT64",
  ]],
  [5, "close", "io_other", "DESTROYS_FD USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "fd:FD"]],
  [7, "read", "io_read", "USES_FD READS_FROM_FD CONVERTER_MANAGED", ["res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32"]],
  [9, "write", "io_write", "USES_FD WRITES_TO_FD CONVERTER_MANAGED", ["res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32"]],
  [19, "socket", "net", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "domain:ENUMFLAGS32=SOCKET_DOMAIN", "type:UINT32", "proto:UINT32", "flags:FLAGS32/HEX=OPEN_FLAGS",
  ]],
  [21, "bind", "net", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "addr:SOCKADDR", "fd:FD"]],
  [23, "connect", "net", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "tuple:SOCKTUPLE", "fd:FD", "addr:SOCKADDR"]],
  [25, "listen", "net", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "backlog:INT32"]],
  [29, "send", "io_write", "USES_FD WRITES_TO_FD CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "tuple:SOCKTUPLE",
  ]],
  [31, "sendto", "io_write", "USES_FD WRITES_TO_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "tuple:SOCKTUPLE",
  ]],
  [33, "recv", "io_read", "USES_FD READS_FROM_FD CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "tuple:SOCKTUPLE",
  ]],
  [35, "recvfrom", "io_read", "USES_FD READS_FROM_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "tuple:SOCKTUPLE", "fd:FD", "size:UINT32",
  ]],
  [37, "shutdown", "net", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "how:ENUMFLAGS8/HEX=SHUTDOWN_HOW"]],
  [39, "getsockname", "net", "", []],
  [41, "getpeername", "net", "", []],
  [43, "socketpair", "ipc", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "fd1:FD", "fd2:FD", "source:UINT64/HEX", "peer:UINT64/HEX", "domain:ENUMFLAGS32=SOCKET_DOMAIN", "type:UINT32",
    "proto:UINT32",
  ]],
  [45, "setsockopt", "net", "USES_FD", [
    "res:ERRNO", "fd:FD", "level:ENUMFLAGS8=SETSOCKOPT_LEVEL", "optname:ENUMFLAGS8=SETSOCKOPT_OPTNAME", "val:DYN", "optlen:UINT32",
  ]],
  [47, "getsockopt", "net", "USES_FD MODIFIES_STATE", [
    "res:ERRNO", "fd:FD", "level:ENUMFLAGS8=SETSOCKOPT_LEVEL", "optname:ENUMFLAGS8=SETSOCKOPT_OPTNAME", "val:DYN", "optlen:UINT32",
  ]],
  [49, "sendmsg", "io_write", "USES_FD WRITES_TO_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "tuple:SOCKTUPLE",
  ]],
  [51, "sendmmsg", "io_write", "USES_FD WRITES_TO_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "fd:FD", "size:UINT32", "data:BYTEBUF", "tuple:SOCKTUPLE",
  ]],
  [53, "recvmsg", "io_read", "USES_FD READS_FROM_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "size:UINT32", "data:BYTEBUF", "tuple:SOCKTUPLE", "msgcontrol:BYTEBUF", "fd:FD",
  ]],
  [55, "recvmmsg", "io_read", "USES_FD READS_FROM_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "fd:FD", "size:UINT32", "data:BYTEBUF", "tuple:SOCKTUPLE", "msgcontrol:BYTEBUF",
  ]],
  [59, "creat", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "name:FSPATH", "mode:UINT32/OCT", "dev:UINT32/HEX", "ino:UINT64", "creat_flags:FLAGS16/HEX=CREAT_CREAT_FLAGS",
  ]],
  [61, "pipe", "ipc", "CREATES_FD MODIFIES_STATE", ["res:ERRNO", "fd1:FD", "fd2:FD", "ino:UINT64"]],
  [63, "eventfd", "ipc", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:FD", "initval:UINT64", "flags:UINT32/HEX"]],
  [65, "futex", "ipc", "CONVERTER_MANAGED", ["res:ERRNO", "addr:UINT64/HEX", "op:FLAGS16/HEX=FUTEX_OP", "val:UINT64"]],
  [67, "stat", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [69, "lstat", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [71, "fstat", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD"]],
  [73, "stat64", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [75, "lstat64", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [77, "fstat64", "file", "", ["res:ERRNO"]],
  [79, "epoll_wait", "wait", "WAITS CONVERTER_MANAGED", ["res:ERRNO", "maxevents:ERRNO"]],
  [81, "poll", "wait", "WAITS CONVERTER_MANAGED", ["res:ERRNO", "fds:FDLIST", "timeout:INT64"]],
  [83, "select", "wait", "WAITS", ["res:ERRNO"]],
  [87, "lseek", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "offset:UINT64", "whence:ENUMFLAGS8=LSEEK_WHENCE"]],
  [89, "llseek", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "offset:UINT64", "whence:ENUMFLAGS8=LSEEK_WHENCE"]],
  [93, "getcwd", "file", "", ["res:ERRNO", "path:CHARBUF"]],
  [95, "chdir", "file", "MODIFIES_STATE", ["res:ERRNO", "path:CHARBUF"]],
  [97, "fchdir", "file", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "fd:FD"]],
  [113, "pread", "io_read", "USES_FD READS_FROM_FD CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "pos:UINT64",
  ]],
  [115, "pwrite", "io_write", "USES_FD WRITES_TO_FD CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "pos:UINT64",
  ]],
  [117, "readv", "io_read", "USES_FD READS_FROM_FD CONVERTER_MANAGED", ["res:ERRNO", "size:UINT32", "data:BYTEBUF", "fd:FD"]],
  [119, "writev", "io_write", "USES_FD WRITES_TO_FD CONVERTER_MANAGED", ["res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32"]],
  [121, "preadv", "io_read", "USES_FD READS_FROM_FD CONVERTER_MANAGED", [
    "res:ERRNO", "size:UINT32", "data:BYTEBUF", "fd:FD", "pos:UINT64",
  ]],
  [123, "pwritev", "io_write", "USES_FD WRITES_TO_FD CONVERTER_MANAGED", [
    "res:ERRNO", "data:BYTEBUF", "fd:FD", "size:UINT32", "pos:UINT64",
  ]],
  [127, "signalfd", "signal", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:FD", "fd:FD", "mask:UINT32/HEX", "flags:UINT8/HEX"]],
  [129, "kill", "signal", "CONVERTER_MANAGED", ["res:ERRNO", "pid:PID", "sig:SIGTYPE"]],
  [131, "tkill", "signal", "CONVERTER_MANAGED", ["res:ERRNO", "tid:PID", "sig:SIGTYPE"]],
  [133, "tgkill", "signal", "CONVERTER_MANAGED", ["res:ERRNO", "pid:PID", "tid:PID", "sig:SIGTYPE"]],
  [135, "nanosleep", "sleep", "WAITS CONVERTER_MANAGED", ["res:ERRNO", "interval:RELTIME"]],
  [137, "timerfd_create", "time", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:FD", "clockid:UINT8", "flags:UINT8/HEX"]],
  [139, "inotify_init", "ipc", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:FD", "flags:UINT8/HEX"]],
  [141, "getrlimit", "process", "CONVERTER_MANAGED", ["res:ERRNO", "cur:INT64", "max:INT64", "resource:ENUMFLAGS8=GETRLIMIT_RESOURCE"]],
  [143, "setrlimit", "process", "CONVERTER_MANAGED", ["res:ERRNO", "cur:INT64", "max:INT64", "resource:ENUMFLAGS8=GETRLIMIT_RESOURCE"]],
  [145, "prlimit", "process", "CONVERTER_MANAGED", [
    "res:ERRNO", "newcur:INT64", "newmax:INT64", "oldcur:INT64", "oldmax:INT64", "pid:INT64",
    "resource:ENUMFLAGS8=GETRLIMIT_RESOURCE",
  ]],
  [149, "drop", "metaevent/internal", "SKIPPARSERESET", ["ratio:UINT32"]],
  [151, "fcntl", "io_other", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:FD", "fd:FD", "cmd:ENUMFLAGS8=FCNTL_CMD", "arg:UINT64/HEX",
  ]],
  [152, "switch", "tracepoint/scheduler", "", [
    "next:PID", "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32",
  ]],
  [159, "brk", "memory", "CONVERTER_MANAGED", [
    "res:UINT64/HEX", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "addr:UINT64/HEX",
  ]],
  [161, "mmap", "memory", "USES_FD CONVERTER_MANAGED", [
    "res:ERRNO/HEX", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "addr:UINT64/HEX", "length:UINT64",
    "prot:FLAGS32/HEX=MMAP_PROT", "flags:FLAGS32/HEX=MMAP_FLAGS", "fd:FD", "offset:UINT64",
  ]],
  [163, "mmap2", "memory", "USES_FD CONVERTER_MANAGED", [
    "res:ERRNO/HEX", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "addr:UINT64/HEX", "length:UINT64",
    "prot:FLAGS32/HEX=MMAP_PROT", "flags:FLAGS32/HEX=MMAP_FLAGS", "fd:FD", "pgoffset:UINT64",
  ]],
  [165, "munmap", "memory", "CONVERTER_MANAGED", [
    "res:ERRNO", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "addr:UINT64/HEX", "length:UINT64",
  ]],
  [167, "splice", "io_other", "USES_FD CONVERTER_MANAGED", [
    "res:ERRNO", "fd_in:FD", "fd_out:FD", "size:UINT64", "flags:FLAGS32/HEX=SPLICE_FLAGS",
  ]],
  [169, "ptrace", "process", "CONVERTER_MANAGED", [
    "res:ERRNO", "addr:DYN/HEX", "data:DYN/HEX", "request:ENUMFLAGS16=PTRACE_REQUEST", "pid:PID",
  ]],
  [171, "ioctl", "io_other", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "request:UINT64/HEX", "argument:UINT64/HEX"]],
  [175, "rename", "file", "", ["res:ERRNO", "oldpath:FSPATH", "newpath:FSPATH"]],
  [177, "renameat", "file", "", ["res:ERRNO", "olddirfd:FD", "oldpath:FSRELPATH", "newdirfd:FD", "newpath:FSRELPATH"]],
  [179, "symlink", "file", "", ["res:ERRNO", "target:CHARBUF", "linkpath:FSPATH"]],
  [181, "symlinkat", "file", "USES_FD", ["res:ERRNO", "target:CHARBUF", "linkdirfd:FD", "linkpath:FSRELPATH"]],
  [186, "procexit", "tracepoint/process", "MODIFIES_STATE", [
    "status:ERRNO", "ret:ERRNO", "sig:SIGTYPE", "core:UINT8", "reaper_tid:PID",
  ]],
  [189, "sendfile", "io_write", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "offset:UINT64", "out_fd:FD", "in_fd:FD", "size:UINT64"]],
  [191, "quotactl", "user", "CONVERTER_MANAGED", [
    "res:ERRNO", "special:CHARBUF", "quotafilepath:CHARBUF", "dqb_bhardlimit:UINT64", "dqb_bsoftlimit:UINT64",
    "dqb_curspace:UINT64", "dqb_ihardlimit:UINT64", "dqb_isoftlimit:UINT64", "dqb_btime:RELTIME", "dqb_itime:RELTIME",
    "dqi_bgrace:RELTIME", "dqi_igrace:RELTIME", "dqi_flags:FLAGS8=QUOTACTL_DQI_FLAGS",
    "quota_fmt_out:FLAGS8=QUOTACTL_QUOTA_FMT_OUT", "cmd:FLAGS16=QUOTACTL_CMD", "type:FLAGS8=QUOTACTL_TYPE", "id:UINT32",
    "quota_fmt:FLAGS8=QUOTACTL_QUOTA_FMT_OUT",
  ]],
  [193, "setresuid", "user", "MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "ruid:UID", "euid:UID", "suid:UID"]],
  [195, "setresgid", "user", "MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "rgid:GID", "egid:GID", "sgid:GID"]],
  [196, "scapevent", "metaevent/internal", "SKIPPARSERESET", ["event_type:UINT32", "event_data:UINT64"]],
  [199, "setuid", "user", "MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "uid:UID"]],
  [201, "setgid", "user", "MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "gid:GID"]],
  [203, "getuid", "user", "", ["uid:UID"]],
  [205, "geteuid", "user", "", ["euid:UID"]],
  [207, "getgid", "user", "", ["gid:GID"]],
  [209, "getegid", "user", "", ["egid:GID"]],
  [211, "getresuid", "user", "", ["res:ERRNO", "ruid:UID", "euid:UID", "suid:UID"]],
  [213, "getresgid", "user", "", ["res:ERRNO", "rgid:GID", "egid:GID", "sgid:GID"]],
  [223, "clone", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32", "gid:UINT32", "vtid:PID", "vpid:PID", "pidns_init_start_ts:UINT64",
  ]],
  [225, "fork", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32", "gid:UINT32", "vtid:PID", "vpid:PID", "pidns_init_start_ts:UINT64",
  ]],
  [227, "vfork", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32", "gid:UINT32", "vtid:PID", "vpid:PID", "pidns_init_start_ts:UINT64",
  ]],
  [232, "signaldeliver", "tracepoint/signal", "", ["spid:PID", "dpid:PID", "sig:SIGTYPE"]],
  [234, "procinfo", "metaevent/internal", "SKIPPARSERESET", ["cpu_usr:UINT64", "cpu_sys:UINT64"]],
  [237, "getdents", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD"]],
  [239, "getdents64", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD"]],
  [241, "setns", "process", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "nstype:FLAGS32/HEX=CLONE_FLAGS"]],
  [243, "flock", "file", "USES_FD CONVERTER_MANAGED", ["res:ERRNO", "fd:FD", "operation:FLAGS32/HEX=FLOCK_OPERATION"]],
  [244, "cpu_hotplug", "metaevent/system", "MODIFIES_STATE SKIPPARSERESET", ["cpu:UINT32", "action:UINT32"]],
  [247, "accept", "net", "CREATES_FD MODIFIES_STATE", [
    "fd:FD", "tuple:SOCKTUPLE", "queuepct:UINT8", "queuelen:UINT32", "queuemax:UINT32",
  ]],
  [251, "semop", "process", "CONVERTER_MANAGED", [
    "res:ERRNO", "nsops:UINT32", "sem_num_0:UINT16", "sem_op_0:INT16", "sem_flg_0:FLAGS16/HEX=SEMOP_SEM_FLG_0", "sem_num_1:UINT16",
    "sem_op_1:INT16", "sem_flg_1:FLAGS16/HEX=SEMOP_SEM_FLG_0", "semid:INT32",
  ]],
  [253, "semctl", "process", "CONVERTER_MANAGED", [
    "res:ERRNO", "semid:INT32", "semnum:INT32", "cmd:FLAGS16/HEX=SEMCTL_CMD", "val:INT32",
  ]],
  [255, "ppoll", "wait", "WAITS CONVERTER_MANAGED", ["res:ERRNO", "fds:FDLIST", "timeout:RELTIME", "sigmask:SIGSET"]],
  [257, "mount", "file", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "dev:CHARBUF", "dir:FSPATH", "type:CHARBUF", "flags:FLAGS32/HEX=MOUNT_FLAGS",
  ]],
  [263, "semget", "process", "CONVERTER_MANAGED", ["res:ERRNO", "key:INT32/HEX", "nsems:INT32", "semflg:FLAGS32/HEX=SEMGET_SEMFLG"]],
  [265, "access", "file", "CONVERTER_MANAGED", ["res:ERRNO", "name:FSPATH", "mode:FLAGS32/HEX=ACCESS_MODE"]],
  [267, "chroot", "process", "MODIFIES_STATE", ["res:ERRNO", "path:FSPATH"]],
  [275, "setsid", "process", "MODIFIES_STATE", ["res:PID"]],
  [277, "mkdir", "file", "CONVERTER_MANAGED", ["res:ERRNO", "path:FSPATH", "mode:UINT32/HEX"]],
  [279, "rmdir", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [280, "notification", "metaevent/other", "SKIPPARSERESET", ["id:CHARBUF", "desc:CHARBUF"]],
  [285, "unshare", "process", "CONVERTER_MANAGED", ["res:ERRNO", "flags:FLAGS32/HEX=CLONE_FLAGS"]],
  [286, "infra", "metaevent/internal", "SKIPPARSERESET", ["source:CHARBUF", "name:CHARBUF", "description:CHARBUF", "scope:CHARBUF"]],
  [290, "page_fault", "tracepoint/other", "SKIPPARSERESET", ["addr:UINT64/HEX", "ip:UINT64/HEX", "error:FLAGS32/HEX=PAGE_FAULT_ERROR"]],
  [293, "execve", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "env:BYTEBUF", "tty:UINT32", "vpgid:PID", "loginuid:UID", "flags:FLAGS32/HEX=EXEC_FLAGS", "cap_inheritable:UINT64/HEX",
    "cap_permitted:UINT64/HEX", "cap_effective:UINT64/HEX", "exe_ino:UINT64", "exe_ino_ctime:ABSTIME", "exe_ino_mtime:ABSTIME",
    "uid:UID", "trusted_exepath:FSPATH", "pgid:PID", "gid:GID", "filename:FSPATH",
  ]],
  [295, "setpgid", "process", "CONVERTER_MANAGED", ["res:ERRNO", "pid:PID", "pgid:PID"]],
  [299, "seccomp", "other", "CONVERTER_MANAGED", ["res:ERRNO", "op:UINT64", "flags:UINT64/HEX"]],
  [301, "unlink", "file", "", ["res:ERRNO", "path:FSPATH"]],
  [303, "unlinkat", "file", "USES_FD", ["res:ERRNO", "dirfd:FD", "name:FSRELPATH", "flags:FLAGS32/HEX=UNLINKAT_FLAGS"]],
  [305, "mkdirat", "file", "USES_FD", ["res:ERRNO", "dirfd:FD", "path:FSRELPATH", "mode:UINT32/HEX"]],
  [307, "openat", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "dirfd:FD", "name:FSRELPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT", "dev:UINT32/HEX", "ino:UINT64",
  ]],
  [309, "link", "file", "", ["res:ERRNO", "oldpath:FSPATH", "newpath:FSPATH"]],
  [311, "linkat", "file", "", [
    "res:ERRNO", "olddir:FD", "oldpath:FSRELPATH", "newdir:FD", "newpath:FSRELPATH", "flags:FLAGS32/HEX=LINKAT_FLAGS",
  ]],
  [313, "fchmodat", "file", "USES_FD", ["res:ERRNO", "dirfd:FD", "filename:FSRELPATH", "mode:MODE/OCT=MODE_BITS"]],
  [315, "chmod", "file", "", ["res:ERRNO", "filename:FSPATH", "mode:MODE/OCT=MODE_BITS"]],
  [317, "fchmod", "file", "USES_FD", ["res:ERRNO", "fd:FD", "mode:MODE/OCT=MODE_BITS"]],
  [319, "renameat2", "file", "", [
    "res:ERRNO", "olddirfd:FD", "oldpath:FSRELPATH", "newdirfd:FD", "newpath:FSRELPATH", "flags:FLAGS32/HEX=RENAMEAT2_FLAGS",
  ]],
  [321, "userfaultfd", "file", "CREATES_FD MODIFIES_STATE", ["res:ERRNO", "flags:FLAGS32/HEX=OPEN_FLAGS"]],
  [322, "pluginevent", "plugin/other", "LARGE_PAYLOAD", ["plugin_id:UINT32", "event_data:BYTEBUF"]],
  [324, "container", "metaevent/process", "MODIFIES_STATE LARGE_PAYLOAD", ["json:CHARBUF"]],
  [327, "openat2", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "dirfd:FD", "name:FSRELPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT", "resolve:FLAGS32/HEX=OPENAT2_RESOLVE",
    "dev:UINT32/HEX", "ino:UINT64",
  ]],
  [329, "mprotect", "memory", "CONVERTER_MANAGED", ["res:ERRNO", "addr:UINT64/HEX", "length:UINT64", "prot:FLAGS32/HEX=MMAP_PROT"]],
  [331, "execveat", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "env:BYTEBUF", "tty:UINT32", "vpgid:PID", "loginuid:UID", "flags:FLAGS32/HEX=EXEC_FLAGS", "cap_inheritable:UINT64/HEX",
    "cap_permitted:UINT64/HEX", "cap_effective:UINT64/HEX", "exe_ino:UINT64", "exe_ino_ctime:ABSTIME", "exe_ino_mtime:ABSTIME",
    "uid:UID", "trusted_exepath:FSPATH", "pgid:PID", "gid:GID",
  ]],
  [333, "copy_file_range", "file", "USES_FD READS_FROM_FD WRITES_TO_FD CONVERTER_MANAGED", [
    "res:ERRNO", "fdout:FD", "offout:UINT64", "fdin:FD", "offin:UINT64", "len:UINT64",
  ]],
  [335, "clone3", "process", "MODIFIES_STATE CONVERTER_MANAGED", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32", "gid:UINT32", "vtid:PID", "vpid:PID", "pidns_init_start_ts:UINT64",
  ]],
  [337, "open_by_handle_at", "file", "CREATES_FD MODIFIES_STATE", [
    "fd:FD", "mountfd:FD", "flags:FLAGS32/HEX=OPEN_FLAGS", "path:FSPATH", "dev:UINT32/HEX", "ino:UINT64",
  ]],
  [339, "io_uring_setup", "io_other", "CREATES_FD MODIFIES_STATE", [
    "res:ERRNO", "entries:UINT32", "sq_entries:UINT32", "cq_entries:UINT32", "flags:FLAGS32/HEX=IO_URING_SETUP_FLAGS",
    "sq_thread_cpu:UINT32", "sq_thread_idle:UINT32", "features:FLAGS32/HEX=IO_URING_SETUP_FEATURES",
  ]],
  [341, "io_uring_enter", "io_other", "USES_FD", [
    "res:ERRNO", "fd:FD", "to_submit:UINT32", "min_complete:UINT32", "flags:FLAGS32/HEX=IO_URING_ENTER_FLAGS", "sig:SIGSET",
  ]],
  [343, "io_uring_register", "io_other", "USES_FD", [
    "res:ERRNO", "fd:FD", "opcode:ENUMFLAGS16=IO_URING_REGISTER_OPCODE", "arg:UINT64/HEX", "nr_args:UINT32",
  ]],
  [345, "mlock", "memory", "", ["res:ERRNO", "addr:UINT64/HEX", "len:UINT64"]],
  [347, "munlock", "memory", "", ["res:ERRNO", "addr:UINT64/HEX", "len:UINT64"]],
  [349, "mlockall", "memory", "", ["res:ERRNO", "flags:FLAGS32/HEX=MLOCKALL_FLAGS"]],
  [351, "munlockall", "memory", "", ["res:ERRNO"]],
  [353, "capset", "process", "MODIFIES_STATE", [
    "res:ERRNO", "cap_inheritable:UINT64/HEX", "cap_permitted:UINT64/HEX", "cap_effective:UINT64/HEX",
  ]],
  [354, "useradded", "metaevent/process", "MODIFIES_STATE", [
    "uid:UINT32", "gid:UINT32", "name:CHARBUF", "home:CHARBUF", "shell:CHARBUF", "container_id:CHARBUF",
  ]],
  [356, "userdeleted", "metaevent/process", "MODIFIES_STATE", [
    "uid:UINT32", "gid:UINT32", "name:CHARBUF", "home:CHARBUF", "shell:CHARBUF", "container_id:CHARBUF",
  ]],
  [358, "groupadded", "metaevent/process", "MODIFIES_STATE", ["gid:UINT32", "name:CHARBUF", "container_id:CHARBUF"]],
  [360, "groupdeleted", "metaevent/process", "MODIFIES_STATE", ["gid:UINT32", "name:CHARBUF", "container_id:CHARBUF"]],
  [363, "dup2", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["res:FD", "oldfd:FD", "newfd:FD"]],
  [365, "dup3", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["res:FD", "oldfd:FD", "newfd:FD", "flags:FLAGS32/HEX=OPEN_FLAGS"]],
  [367, "dup", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["res:FD", "oldfd:FD"]],
  [369, "bpf", "other", "CREATES_FD", ["fd:FD", "cmd:ENUMFLAGS32=BPF_CMD"]],
  [371, "mlock2", "memory", "", ["res:ERRNO", "addr:UINT64/HEX", "len:UINT64", "flags:FLAGS32/HEX=MLOCK2_FLAGS"]],
  [373, "fsconfig", "system", "USES_FD", [
    "res:ERRNO", "fd:FD", "cmd:ENUMFLAGS32=FSCONFIG_CMD", "key:CHARBUF", "value_bytebuf:BYTEBUF", "value_charbuf:CHARBUF",
    "aux:INT32",
  ]],
  [375, "epoll_create", "wait", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "size:INT32"]],
  [377, "epoll_create1", "wait", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "flags:FLAGS32/HEX=EPOLL_CREATE1_FLAGS"]],
  [379, "chown", "file", "", ["res:ERRNO", "path:FSPATH", "uid:UINT32", "gid:UINT32"]],
  [381, "lchown", "file", "", ["res:ERRNO", "path:FSPATH", "uid:UINT32", "gid:UINT32"]],
  [383, "fchown", "file", "USES_FD", ["res:ERRNO", "fd:FD", "uid:UINT32", "gid:UINT32"]],
  [385, "fchownat", "file", "USES_FD", [
    "res:ERRNO", "dirfd:FD", "pathname:FSRELPATH", "uid:UINT32", "gid:UINT32", "flags:FLAGS32/HEX=FCHOWNAT_FLAGS",
  ]],
  [387, "umount", "file", "MODIFIES_STATE", ["res:ERRNO", "name:FSPATH"]],
  [389, "accept4", "net", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "fd:FD", "tuple:SOCKTUPLE", "queuepct:UINT8", "queuelen:UINT32", "queuemax:UINT32", "flags:INT32/HEX",
  ]],
  [391, "umount2", "file", "MODIFIES_STATE CONVERTER_MANAGED", ["res:ERRNO", "name:FSPATH", "flags:FLAGS32/HEX=UMOUNT2_FLAGS"]],
  [393, "pipe2", "ipc", "CREATES_FD MODIFIES_STATE", ["res:ERRNO", "fd1:FD", "fd2:FD", "ino:UINT64", "flags:FLAGS32/HEX=OPEN_FLAGS"]],
  [395, "inotify_init1", "ipc", "CREATES_FD MODIFIES_STATE", ["res:FD", "flags:FLAGS16/HEX=OPEN_FLAGS"]],
  [397, "eventfd2", "ipc", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["res:FD", "flags:FLAGS16/HEX=OPEN_FLAGS", "initval:UINT64"]],
  [399, "signalfd4", "signal", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "res:FD", "flags:FLAGS16/HEX=OPEN_FLAGS", "fd:FD", "mask:UINT32/HEX",
  ]],
  [401, "prctl", "process", "MODIFIES_STATE", ["res:ERRNO", "option:ENUMFLAGS32=PRCTL_OPTION", "arg2_str:CHARBUF", "arg2_int:INT64"]],
  [402, "asyncevent", "metaevent/other", "LARGE_PAYLOAD", ["plugin_id:UINT32", "name:CHARBUF", "data:BYTEBUF"]],
  [405, "memfd_create", "memory", "CREATES_FD MODIFIES_STATE", ["fd:FD", "name:CHARBUF", "flags:FLAGS32/HEX=MEMFD_CREATE_FLAGS"]],
  [407, "pidfd_getfd", "process", "CREATES_FD MODIFIES_STATE", ["fd:FD", "pid_fd:FD", "target_fd:FD", "flags:UINT32/HEX"]],
  [409, "pidfd_open", "process", "CREATES_FD MODIFIES_STATE", ["fd:FD", "pid:PID", "flags:FLAGS32/HEX=PIDFD_OPEN_FLAGS"]],
  [411, "init_module", "other", "", ["res:ERRNO", "img:BYTEBUF", "length:UINT64", "uargs:CHARBUF"]],
  [413, "finit_module", "other", "USES_FD READS_FROM_FD", [
    "res:ERRNO", "fd:FD", "uargs:CHARBUF", "flags:FLAGS32/HEX=FINIT_MODULE_FLAGS",
  ]],
  [415, "mknod", "other", "", ["res:ERRNO", "path:FSPATH", "mode:MODE/OCT=MKNOD_MODE", "dev:UINT32"]],
  [417, "mknodat", "other", "USES_FD", ["res:ERRNO", "dirfd:FD", "path:FSRELPATH", "mode:MODE/OCT=MKNOD_MODE", "dev:UINT32"]],
  [419, "newfstatat", "file", "USES_FD", ["res:ERRNO", "dirfd:FD", "path:FSRELPATH", "flags:FLAGS32/HEX=NEWFSTATAT_FLAGS"]],
  [421, "process_vm_readv", "ipc", "", ["res:INT64", "pid:PID", "data:BYTEBUF"]],
  [423, "process_vm_writev", "ipc", "", ["res:INT64", "pid:PID", "data:BYTEBUF"]],
  [425, "delete_module", "other", "", ["res:ERRNO", "name:CHARBUF", "flags:FLAGS32/HEX=DELETE_MODULE_FLAGS"]],
  [427, "setreuid", "user", "MODIFIES_STATE", ["res:ERRNO", "ruid:UID", "euid:UID"]],
  [429, "setregid", "user", "MODIFIES_STATE", ["res:ERRNO", "rgid:UID", "egid:UID"]],
  [430, "task", "iterator/process", "MODIFIES_STATE", [
    "ppid:PID32", "pgid:PID32", "vpgid:PID32", "sid:PID32", "comm:CHARBUF", "argv:CHARBUFARRAY", "exepath:FSPATH",
    "flags:FLAGS32/HEX=EXEC_FLAGS", "env:CHARBUFARRAY", "cwd:CHARBUF", "fdlimit:UINT64", "euid:UID", "egid:GID",
    "cap_permitted:UINT64/HEX", "cap_effective:UINT64/HEX", "cap_inheritable:UINT64/HEX", "exe_ino_num:UINT64",
    "exe_ino_ctime:ABSTIME", "exe_ino_mtime:ABSTIME", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vtgid:PID32", "vpid:PID32", "pidns_init_start_ts:UINT64", "cgroups:CHARBUFARRAY", "root:FSPATH",
    "start_time:ABSTIME", "tty:UINT32", "loginuid:UID",
  ]],
  [432, "task_file_pipe", "iterator/file", "MODIFIES_STATE", ["fd:FD32", "path:FSPATH", "ino_num:UINT64"]],
  [434, "task_file_memfd", "iterator/file", "MODIFIES_STATE", ["fd:FD32", "path:FSPATH", "ino_num:UINT64"]],
  [436, "task_file_regular", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "path:FSPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mnt_id:UINT32", "ino_num:UINT64",
  ]],
  [438, "task_file_directory", "iterator/file", "MODIFIES_STATE", ["fd:FD32", "path:FSPATH", "ino_num:UINT64"]],
  [440, "task_file_socket_inet", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "sk_type:UINT16", "sk_proto:UINT16", "local_ip:IPV4ADDR/HEX", "local_port:PORT/HEX", "remote_ip:IPV4ADDR/HEX",
    "remote_port:PORT/HEX", "ino_num:UINT64",
  ]],
  [442, "task_file_socket_inet6", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "sk_type:UINT16", "sk_proto:UINT16", "local_ip:IPV6ADDR/HEX", "local_port:PORT/HEX", "remote_ip:IPV6ADDR/HEX",
    "remote_port:PORT/HEX", "ino_num:UINT64",
  ]],
  [444, "task_file_socket_unix", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "sk_type:UINT16", "sk_proto:UINT16", "sk_pointer:UINT64", "sun_path:FSPATH", "ino_num:UINT64",
  ]],
  [446, "task_file_socket_netlink", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "sk_type:UINT16", "sk_proto:UINT16", "ino_num:UINT64",
  ]],
  [448, "task_file_anon_inode", "iterator/file", "MODIFIES_STATE", [
    "fd:FD32", "fd_type:FLAGS8=TASK_FILE_ANON_INODE_FD_TYPE", "path:FSPATH", "ino_num:UINT64",
  ]],
  [451, "close_range", "io_other", "MODIFIES_STATE", [
    "res:ERRNO", "first:UINT32", "last:UINT32", "flags:FLAGS32/HEX=CLOSE_RANGE_FLAGS",
  ]],
  [453, "keyctl", "other", "", ["res:ERRNO", "operation:ENUMFLAGS32=KEYCTL_OPERATION", "arg2:DYN", "arg3:DYN", "arg4:DYN", "arg5:DYN"]],
];

/**
 * Every event type of today's schema by its code; sparse. Those of old captures, too, are in
 * `ALL_EVENT_TYPES`.
 */
export const EVENT_TYPES: readonly (EventType | undefined)[] = indexByCode(ROWS.map(parseRow));

/** Event types by name, such as `execve`. */
export const EVENT_TYPE_BY_NAME: ReadonlyMap<string, EventType> = new Map(
  EVENT_TYPES.filter((type) => type !== undefined).map((type) => [type.name, type]),
);

/** The event type of a name that the caller knows to exist; throws when it does not. */
export function eventType(name: string): EventType {
  const type = EVENT_TYPE_BY_NAME.get(name);
  if (type === undefined)
    throw new TypeError(`Cannot find event type "${name}": it is not in the schema`);
  return type;
}

const LARGE_PAYLOADS: ReadonlySet<number> = new Set(
  EVENT_TYPES.flatMap((type) =>
    type?.flags.includes("LARGE_PAYLOAD") === true ? [type.code] : [],
  ),
);

/** True when the lengths of this event's parameters are u32, not u16. */
export function isLargePayload(code: number): boolean {
  return LARGE_PAYLOADS.has(code);
}

/** The event type that a row of the table describes. */
export function parseRow([code, name, kind, flags, params]: Row): EventType {
  const [category, source = "syscall"] = kind.split("/").toReversed() as [
    EventCategory,
    EventSource?,
  ];
  return {
    code,
    name,
    category,
    source,
    flags: flags.split(" ").filter(Boolean) as EventFlag[],
    params: params.map(parseParam),
  };
}

function indexByCode(types: readonly EventType[]): readonly (EventType | undefined)[] {
  const table: (EventType | undefined)[] = [];
  for (const type of types) table[type.code] = type;
  return table;
}

function parseParam(text: string): Param {
  const match = /^(\w+):(\w+)(?:\/(HEX|OCT))?(?:=(\w+))?$/.exec(text);
  const [, name = "", type = "", format = "DEC", table] = match ?? [];
  const base = { name, type: type as ParamType, format: format as NumberFormat };
  return table === undefined
    ? base
    : { ...base, names: (names as Record<string, NameTable>)[table] ?? {} };
}
