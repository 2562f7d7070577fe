import { EVENT_TYPES, type EventType, parseRow, type Row } from "./schema.ts";

// The rest of the event table: what old captures hold and today's engine no longer emits. Only who
// reads captures or prints the register needs it, so it is a file of its own: nothing else pays for
// parsing it. Source: libs driver/event_table.c (facts).

/**
 * Old versions and enter events that convert.ts knows: steps towards today's, or parameters of
 * today's exits.
 */
// oxfmt-ignore
const CONVERTED: readonly Row[] = [
  [0, "syscall", "other", "", ["ID:SYSCALLID", "nativeID:UINT16"]],
  [4, "close", "io_other", "DESTROYS_FD USES_FD MODIFIES_STATE", ["fd:FD"]],
  [6, "read", "io_read", "USES_FD READS_FROM_FD", ["fd:FD", "size:UINT32"]],
  [8, "write", "io_write", "USES_FD WRITES_TO_FD", ["fd:FD", "size:UINT32"]],
  [10, "brk", "memory", "", ["size:UINT32"]],
  [11, "brk", "memory", "", ["res:UINT64/HEX"]],
  [12, "execve", "process", "MODIFIES_STATE", []],
  [13, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
  ]],
  [15, "clone", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64",
    "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32", "gid:UINT32",
  ]],
  [16, "procexit", "tracepoint/process", "MODIFIES_STATE", []],
  [18, "socket", "net", "CREATES_FD MODIFIES_STATE", ["domain:ENUMFLAGS32=SOCKET_DOMAIN", "type:UINT32", "proto:UINT32"]],
  [20, "bind", "net", "USES_FD MODIFIES_STATE", ["fd:FD"]],
  [24, "listen", "net", "USES_FD", ["fd:FD", "backlog:INT32"]],
  [27, "accept", "net", "CREATES_FD MODIFIES_STATE", ["fd:FD", "tuple:SOCKTUPLE", "queuepct:UINT8"]],
  [28, "send", "io_write", "USES_FD WRITES_TO_FD", ["fd:FD", "size:UINT32"]],
  [30, "sendto", "io_write", "USES_FD WRITES_TO_FD MODIFIES_STATE", ["fd:FD", "size:UINT32", "tuple:SOCKTUPLE"]],
  [32, "recv", "io_read", "USES_FD READS_FROM_FD", ["fd:FD", "size:UINT32"]],
  [34, "recvfrom", "io_read", "USES_FD READS_FROM_FD MODIFIES_STATE", ["fd:FD", "size:UINT32"]],
  [36, "shutdown", "net", "USES_FD MODIFIES_STATE", ["fd:FD", "how:ENUMFLAGS8/HEX=SHUTDOWN_HOW"]],
  [42, "socketpair", "ipc", "CREATES_FD MODIFIES_STATE", ["domain:ENUMFLAGS32=SOCKET_DOMAIN", "type:UINT32", "proto:UINT32"]],
  [48, "sendmsg", "io_write", "USES_FD WRITES_TO_FD MODIFIES_STATE", ["fd:FD", "size:UINT32", "tuple:SOCKTUPLE"]],
  [52, "recvmsg", "io_read", "USES_FD READS_FROM_FD MODIFIES_STATE", ["fd:FD"]],
  [56, "accept", "net", "CREATES_FD MODIFIES_STATE", ["flags:INT32/HEX"]],
  [57, "accept", "net", "CREATES_FD MODIFIES_STATE", ["fd:FD", "tuple:SOCKTUPLE", "queuepct:UINT8"]],
  [62, "eventfd", "ipc", "CREATES_FD MODIFIES_STATE", ["initval:UINT64", "flags:UINT32/HEX"]],
  [64, "futex", "ipc", "", ["addr:UINT64/HEX", "op:FLAGS16/HEX=FUTEX_OP", "val:UINT64"]],
  [70, "fstat", "file", "USES_FD", ["fd:FD"]],
  [78, "epoll_wait", "wait", "WAITS", ["maxevents:ERRNO"]],
  [80, "poll", "wait", "WAITS", ["fds:FDLIST", "timeout:INT64"]],
  [85, "select", "wait", "WAITS", ["res:ERRNO"]],
  [86, "lseek", "file", "USES_FD", ["fd:FD", "offset:UINT64", "whence:ENUMFLAGS8=LSEEK_WHENCE"]],
  [88, "llseek", "file", "USES_FD", ["fd:FD", "offset:UINT64", "whence:ENUMFLAGS8=LSEEK_WHENCE"]],
  [90, "ioctl", "io_other", "USES_FD", ["fd:FD", "request:UINT64/HEX"]],
  [91, "ioctl", "io_other", "USES_FD", ["res:ERRNO"]],
  [96, "fchdir", "file", "USES_FD MODIFIES_STATE", ["fd:FD"]],
  [98, "mkdir", "file", "", ["path:FSPATH", "mode:UINT32/HEX"]],
  [99, "mkdir", "file", "", ["res:ERRNO"]],
  [100, "rmdir", "file", "", ["path:FSPATH"]],
  [101, "rmdir", "file", "", ["res:ERRNO"]],
  [102, "openat", "file", "CREATES_FD MODIFIES_STATE", ["dirfd:FD", "name:CHARBUF", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT"]],
  [103, "openat", "file", "CREATES_FD MODIFIES_STATE", ["fd:FD"]],
  [104, "link", "file", "", ["oldpath:FSPATH", "newpath:FSPATH"]],
  [105, "link", "file", "", ["res:ERRNO"]],
  [106, "linkat", "file", "", ["olddir:FD", "oldpath:CHARBUF", "newdir:FD", "newpath:CHARBUF"]],
  [107, "linkat", "file", "", ["res:ERRNO"]],
  [108, "unlink", "file", "", ["path:FSPATH"]],
  [109, "unlink", "file", "", ["res:ERRNO"]],
  [110, "unlinkat", "file", "", ["dirfd:FD", "name:CHARBUF"]],
  [111, "unlinkat", "file", "", ["res:ERRNO"]],
  [112, "pread", "io_read", "USES_FD READS_FROM_FD", ["fd:FD", "size:UINT32", "pos:UINT64"]],
  [114, "pwrite", "io_write", "USES_FD WRITES_TO_FD", ["fd:FD", "size:UINT32", "pos:UINT64"]],
  [116, "readv", "io_read", "USES_FD READS_FROM_FD", ["fd:FD"]],
  [118, "writev", "io_write", "USES_FD WRITES_TO_FD", ["fd:FD", "size:UINT32"]],
  [120, "preadv", "io_read", "USES_FD READS_FROM_FD", ["fd:FD", "pos:UINT64"]],
  [122, "pwritev", "io_write", "USES_FD WRITES_TO_FD", ["fd:FD", "size:UINT32", "pos:UINT64"]],
  [124, "dup", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["fd:FD"]],
  [125, "dup", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["res:FD"]],
  [126, "signalfd", "signal", "CREATES_FD MODIFIES_STATE", ["fd:FD", "mask:UINT32/HEX", "flags:UINT8/HEX"]],
  [128, "kill", "signal", "", ["pid:PID", "sig:SIGTYPE"]],
  [130, "tkill", "signal", "", ["tid:PID", "sig:SIGTYPE"]],
  [132, "tgkill", "signal", "", ["pid:PID", "tid:PID", "sig:SIGTYPE"]],
  [134, "nanosleep", "sleep", "WAITS", ["interval:RELTIME"]],
  [136, "timerfd_create", "time", "CREATES_FD MODIFIES_STATE", ["clockid:UINT8", "flags:UINT8/HEX"]],
  [138, "inotify_init", "ipc", "CREATES_FD MODIFIES_STATE", ["flags:UINT8/HEX"]],
  [140, "getrlimit", "process", "", ["resource:ENUMFLAGS8=GETRLIMIT_RESOURCE"]],
  [142, "setrlimit", "process", "", ["resource:ENUMFLAGS8=GETRLIMIT_RESOURCE"]],
  [144, "prlimit", "process", "", ["pid:PID", "resource:ENUMFLAGS8=GETRLIMIT_RESOURCE"]],
  [146, "switch", "tracepoint/scheduler", "SKIPPARSERESET", ["next:PID"]],
  [150, "fcntl", "io_other", "USES_FD MODIFIES_STATE", ["fd:FD", "cmd:ENUMFLAGS8=FCNTL_CMD"]],
  [154, "execve", "process", "MODIFIES_STATE", []],
  [155, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32",
  ]],
  [157, "clone", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32",
    "gid:UINT32",
  ]],
  [158, "brk", "memory", "", ["addr:UINT64/HEX"]],
  [160, "mmap", "memory", "USES_FD", [
    "addr:UINT64/HEX", "length:UINT64", "prot:FLAGS32/HEX=MMAP_PROT", "flags:FLAGS32/HEX=MMAP_FLAGS", "fd:FD", "offset:UINT64",
  ]],
  [162, "mmap2", "memory", "USES_FD", [
    "addr:UINT64/HEX", "length:UINT64", "prot:FLAGS32/HEX=MMAP_PROT", "flags:FLAGS32/HEX=MMAP_FLAGS", "fd:FD", "pgoffset:UINT64",
  ]],
  [164, "munmap", "memory", "", ["addr:UINT64/HEX", "length:UINT64"]],
  [166, "splice", "io_other", "USES_FD", ["fd_in:FD", "fd_out:FD", "size:UINT64", "flags:FLAGS32/HEX=SPLICE_FLAGS"]],
  [168, "ptrace", "process", "", ["request:ENUMFLAGS16=PTRACE_REQUEST", "pid:PID"]],
  [170, "ioctl", "io_other", "USES_FD", ["fd:FD", "request:UINT64/HEX", "argument:UINT64/HEX"]],
  [172, "execve", "process", "MODIFIES_STATE", []],
  [173, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "env:BYTEBUF",
  ]],
  [183, "fork", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32",
    "gid:UINT32",
  ]],
  [185, "vfork", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "flags:FLAGS32/HEX=CLONE_FLAGS", "uid:UINT32",
    "gid:UINT32",
  ]],
  [188, "sendfile", "io_write", "USES_FD", ["out_fd:FD", "in_fd:FD", "offset:UINT64", "size:UINT64"]],
  [190, "quotactl", "user", "", [
    "cmd:FLAGS16=QUOTACTL_CMD", "type:FLAGS8=QUOTACTL_TYPE", "id:UINT32", "quota_fmt:FLAGS8=QUOTACTL_QUOTA_FMT_OUT",
  ]],
  [192, "setresuid", "user", "MODIFIES_STATE", ["ruid:UID", "euid:UID", "suid:UID"]],
  [194, "setresgid", "user", "MODIFIES_STATE", ["rgid:GID", "egid:GID", "sgid:GID"]],
  [198, "setuid", "user", "MODIFIES_STATE", ["uid:UID"]],
  [200, "setgid", "user", "MODIFIES_STATE", ["gid:GID"]],
  [214, "execve", "process", "MODIFIES_STATE", []],
  [215, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "env:BYTEBUF",
  ]],
  [217, "clone", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "flags:FLAGS32/HEX=CLONE_FLAGS",
    "uid:UINT32", "gid:UINT32",
  ]],
  [219, "fork", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "flags:FLAGS32/HEX=CLONE_FLAGS",
    "uid:UINT32", "gid:UINT32",
  ]],
  [221, "vfork", "process", "MODIFIES_STATE", [
    "res:PID", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:INT64", "pgft_maj:UINT64",
    "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "flags:FLAGS32/HEX=CLONE_FLAGS",
    "uid:UINT32", "gid:UINT32",
  ]],
  [228, "container", "metaevent/internal", "MODIFIES_STATE SKIPPARSERESET", [
    "id:CHARBUF", "type:UINT32", "name:CHARBUF", "image:CHARBUF",
  ]],
  [230, "execve", "process", "MODIFIES_STATE", []],
  [231, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "env:BYTEBUF",
  ]],
  [236, "getdents", "file", "USES_FD", ["fd:FD"]],
  [238, "getdents64", "file", "USES_FD", ["fd:FD"]],
  [240, "setns", "process", "USES_FD", ["fd:FD", "nstype:FLAGS32/HEX=CLONE_FLAGS"]],
  [242, "flock", "file", "USES_FD", ["fd:FD", "operation:FLAGS32/HEX=FLOCK_OPERATION"]],
  [248, "accept", "net", "CREATES_FD MODIFIES_STATE", ["flags:INT32/HEX"]],
  [249, "accept", "net", "CREATES_FD MODIFIES_STATE", [
    "fd:FD", "tuple:SOCKTUPLE", "queuepct:UINT8", "queuelen:UINT32", "queuemax:UINT32",
  ]],
  [250, "semop", "process", "", ["semid:INT32"]],
  [252, "semctl", "process", "", ["semid:INT32", "semnum:INT32", "cmd:FLAGS16/HEX=SEMCTL_CMD", "val:INT32"]],
  [254, "ppoll", "wait", "WAITS", ["fds:FDLIST", "timeout:RELTIME", "sigmask:SIGSET"]],
  [256, "mount", "file", "MODIFIES_STATE", ["flags:FLAGS32/HEX=MOUNT_FLAGS"]],
  [259, "umount", "file", "MODIFIES_STATE", ["res:ERRNO", "name:FSPATH"]],
  [262, "semget", "process", "", ["key:INT32/HEX", "nsems:INT32", "semflg:FLAGS32/HEX=SEMGET_SEMFLG"]],
  [264, "access", "file", "", ["mode:FLAGS32/HEX=ACCESS_MODE"]],
  [272, "container", "metaevent/process", "MODIFIES_STATE", ["json:CHARBUF"]],
  [276, "mkdir", "file", "", ["mode:UINT32/HEX"]],
  [282, "execve", "process", "MODIFIES_STATE", []],
  [283, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "env:BYTEBUF", "tty:INT32",
  ]],
  [284, "unshare", "process", "", ["flags:FLAGS32/HEX=CLONE_FLAGS"]],
  [288, "execve", "process", "MODIFIES_STATE", ["filename:FSPATH"]],
  [289, "execve", "process", "MODIFIES_STATE", [
    "res:ERRNO", "exe:CHARBUF", "args:BYTEBUF", "tid:PID", "pid:PID", "ptid:PID", "cwd:CHARBUF", "fdlimit:UINT64",
    "pgft_maj:UINT64", "pgft_min:UINT64", "vm_size:UINT32", "vm_rss:UINT32", "vm_swap:UINT32", "comm:CHARBUF", "cgroups:BYTEBUF",
    "env:BYTEBUF", "tty:INT32",
  ]],
  [292, "execve", "process", "MODIFIES_STATE", ["filename:FSPATH"]],
  [294, "setpgid", "process", "", ["pid:PID", "pgid:PID"]],
  [296, "bpf", "other", "CREATES_FD", ["cmd:INT64"]],
  [297, "bpf", "other", "CREATES_FD", ["res_or_fd:DYN"]],
  [298, "seccomp", "other", "", ["op:UINT64", "flags:UINT64/HEX"]],
  [328, "mprotect", "memory", "", ["addr:UINT64/HEX", "length:UINT64", "prot:FLAGS32/HEX=MMAP_PROT"]],
  [330, "execveat", "process", "MODIFIES_STATE", ["dirfd:FD", "pathname:FSRELPATH", "flags:FLAGS32/HEX=EXECVEAT_FLAGS"]],
  [332, "copy_file_range", "file", "USES_FD READS_FROM_FD WRITES_TO_FD", ["fdin:FD", "offin:UINT64", "len:UINT64"]],
  [374, "epoll_create", "wait", "CREATES_FD MODIFIES_STATE", ["size:INT32"]],
  [376, "epoll_create1", "wait", "CREATES_FD MODIFIES_STATE", ["flags:FLAGS32/HEX=EPOLL_CREATE1_FLAGS"]],
  [388, "accept4", "net", "CREATES_FD MODIFIES_STATE", ["flags:INT32/HEX"]],
  [390, "umount2", "file", "MODIFIES_STATE", ["flags:FLAGS32/HEX=UMOUNT2_FLAGS"]],
  [396, "eventfd2", "ipc", "CREATES_FD MODIFIES_STATE", ["initval:UINT64"]],
  [398, "signalfd4", "signal", "CREATES_FD MODIFIES_STATE", ["fd:FD", "mask:UINT32/HEX"]],
];

/**
 * Enter events that tell nothing which their exits do not, and events that nothing took the place
 * of.
 */
// oxfmt-ignore
const DROPPED: readonly Row[] = [
  [14, "clone", "process", "MODIFIES_STATE", []],
  [26, "accept", "net", "CREATES_FD MODIFIES_STATE", []],
  [38, "getsockname", "net", "", []],
  [40, "getpeername", "net", "", []],
  [44, "setsockopt", "net", "", []],
  [46, "getsockopt", "net", "MODIFIES_STATE", []],
  [50, "sendmmsg", "io_write", "", []],
  [54, "recvmmsg", "io_read", "", []],
  [60, "pipe", "ipc", "CREATES_FD MODIFIES_STATE", []],
  [66, "stat", "file", "", []],
  [68, "lstat", "file", "", []],
  [72, "stat64", "file", "", []],
  [74, "lstat64", "file", "", []],
  [76, "fstat64", "file", "USES_FD", ["fd:FD"]],
  [82, "select", "wait", "WAITS", []],
  [84, "select", "wait", "WAITS", []],
  [92, "getcwd", "file", "", []],
  [94, "chdir", "file", "MODIFIES_STATE", []],
  [156, "clone", "process", "MODIFIES_STATE", []],
  [174, "rename", "file", "", []],
  [176, "renameat", "file", "", []],
  [178, "symlink", "file", "", []],
  [180, "symlinkat", "file", "", []],
  [182, "fork", "process", "MODIFIES_STATE", []],
  [184, "vfork", "process", "MODIFIES_STATE", []],
  [202, "getuid", "user", "", []],
  [204, "geteuid", "user", "", []],
  [206, "getgid", "user", "", []],
  [208, "getegid", "user", "", []],
  [210, "getresuid", "user", "", []],
  [212, "getresgid", "user", "", []],
  [216, "clone", "process", "MODIFIES_STATE", []],
  [218, "fork", "process", "MODIFIES_STATE", []],
  [220, "vfork", "process", "MODIFIES_STATE", []],
  [222, "clone", "process", "MODIFIES_STATE", []],
  [224, "fork", "process", "MODIFIES_STATE", []],
  [226, "vfork", "process", "MODIFIES_STATE", []],
  [246, "accept", "net", "CREATES_FD MODIFIES_STATE", []],
  [258, "umount", "file", "MODIFIES_STATE", ["flags:FLAGS32/HEX=UMOUNT2_FLAGS"]],
  [260, "k8s", "metaevent/internal", "MODIFIES_STATE SKIPPARSERESET", ["json:CHARBUF"]],
  [266, "chroot", "process", "MODIFIES_STATE", []],
  [268, "tracer", "metaevent/other", "", ["id:INT64", "tags:CHARBUFARRAY", "args:CHARBUF_PAIR_ARRAY"]],
  [270, "mesos", "metaevent/internal", "MODIFIES_STATE SKIPPARSERESET", ["json:CHARBUF"]],
  [274, "setsid", "process", "MODIFIES_STATE", []],
  [278, "rmdir", "file", "", []],
  [300, "unlink", "file", "", []],
  [302, "unlinkat", "file", "", []],
  [304, "mkdirat", "file", "", []],
  [308, "link", "file", "", []],
  [310, "linkat", "file", "", []],
  [312, "fchmodat", "file", "", []],
  [314, "chmod", "file", "", []],
  [316, "fchmod", "file", "", []],
  [318, "renameat2", "file", "", []],
  [320, "userfaultfd", "file", "CREATES_FD MODIFIES_STATE", []],
  [334, "clone3", "process", "MODIFIES_STATE", []],
  [336, "open_by_handle_at", "file", "CREATES_FD MODIFIES_STATE", []],
  [338, "io_uring_setup", "io_other", "CREATES_FD MODIFIES_STATE", []],
  [340, "io_uring_enter", "io_other", "", []],
  [342, "io_uring_register", "io_other", "", []],
  [344, "mlock", "memory", "", []],
  [346, "munlock", "memory", "", []],
  [348, "mlockall", "memory", "", []],
  [350, "munlockall", "memory", "", []],
  [352, "capset", "process", "MODIFIES_STATE", []],
  [362, "dup2", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["fd:FD"]],
  [364, "dup3", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["fd:FD"]],
  [366, "dup", "io_other", "CREATES_FD USES_FD MODIFIES_STATE", ["fd:FD"]],
  [368, "bpf", "other", "CREATES_FD", ["cmd:INT64"]],
  [370, "mlock2", "memory", "", []],
  [372, "fsconfig", "system", "", []],
  [378, "chown", "file", "", []],
  [380, "lchown", "file", "", []],
  [382, "fchown", "file", "", []],
  [384, "fchownat", "file", "", []],
  [386, "umount", "file", "MODIFIES_STATE", []],
  [392, "pipe2", "ipc", "CREATES_FD MODIFIES_STATE", []],
  [394, "inotify_init1", "ipc", "CREATES_FD MODIFIES_STATE", []],
  [400, "prctl", "process", "MODIFIES_STATE", []],
  [404, "memfd_create", "memory", "CREATES_FD MODIFIES_STATE", []],
  [406, "pidfd_getfd", "process", "CREATES_FD MODIFIES_STATE", []],
  [408, "pidfd_open", "process", "CREATES_FD MODIFIES_STATE", []],
  [410, "init_module", "other", "", []],
  [412, "finit_module", "other", "", []],
  [414, "mknod", "other", "", []],
  [416, "mknodat", "other", "", []],
  [418, "newfstatat", "file", "", []],
  [420, "process_vm_readv", "ipc", "", []],
  [422, "process_vm_writev", "ipc", "", []],
  [424, "delete_module", "other", "", []],
  [426, "setreuid", "user", "MODIFIES_STATE", []],
  [428, "setregid", "user", "", []],
];

/**
 * Of today's schema, but never what a rule is asked about: enters that are read for their paths
 * alone, and the other half of `drop`.
 */
// oxfmt-ignore
const BESIDE_TODAYS: readonly Row[] = [
  [2, "open", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["name:FSPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT"]],
  [22, "connect", "net", "USES_FD MODIFIES_STATE CONVERTER_MANAGED", ["fd:FD", "addr:SOCKADDR"]],
  [58, "creat", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", ["name:FSPATH", "mode:UINT32/OCT"]],
  [148, "drop", "metaevent/internal", "SKIPPARSERESET", ["ratio:UINT32"]],
  [306, "openat", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "dirfd:FD", "name:FSRELPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT",
  ]],
  [326, "openat2", "file", "CREATES_FD MODIFIES_STATE CONVERTER_MANAGED", [
    "dirfd:FD", "name:FSRELPATH", "flags:FLAGS32/HEX=OPEN_FLAGS", "mode:UINT32/OCT", "resolve:FLAGS32/HEX=OPENAT2_RESOLVE",
  ]],
];

const UNUSED: readonly Row[] = [
  [269, "NA", "none/none", "", ["id:INT64", "tags:CHARBUFARRAY", "args:CHARBUF_PAIR_ARRAY"]],
];

/** Codes that never had an event: scap calls them NA. */
const NEVER_USED: readonly number[] = [
  17, 147, 153, 187, 197, 229, 233, 235, 245, 261, 271, 273, 281, 287, 291, 323, 325, 355, 357, 359,
  361, 403, 431, 433, 435, 437, 439, 441, 443, 445, 447, 449, 450, 452,
];

/**
 * Every event type that any version of scap's schema knows, by its code: today's (the same objects
 * as in `EVENT_TYPES`), old and unused ones.
 */
export const ALL_EVENT_TYPES: readonly EventType[] = allByCode();

function allByCode(): readonly EventType[] {
  const table: EventType[] = [];
  for (const type of EVENT_TYPES) if (type !== undefined) table[type.code] = type;
  const add = (rows: readonly Row[], ...flags: EventType["flags"]): void => {
    for (const type of rows.map(parseRow))
      table[type.code] = { ...type, flags: [...type.flags, ...flags] };
  };
  add(CONVERTED, "OLD_VERSION", "CONVERTER_MANAGED");
  add(DROPPED, "OLD_VERSION");
  add(BESIDE_TODAYS);
  add([...UNUSED, ...NEVER_USED.map((code): Row => [code, "NA", "none/none", "", []])], "UNUSED");
  return table;
}
