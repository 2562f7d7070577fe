import { eventType } from "./schema.ts";
import { isGeneric, SYSTEM_CALLS, type SystemCall } from "./system-calls.ts";

/**
 * The programs of the probe that know an event's parameters, in the order of `HANDLER_…` in
 * probe/syscalls.h, and their events by name. So a further call is a name here, and among those of
 * `simple` a recipe in probe/simple.h.
 */
// oxfmt-ignore
const EVENTS_OF_HANDLER = [
  // simple: the parameters are the arguments
  `dup dup2 dup3 fcntl unlink unlinkat rename renameat renameat2 symlink symlinkat link linkat mkdir mkdirat rmdir chmod fchmod
   fchmodat chown lchown fchown fchownat setuid setgid setreuid setregid setresuid setresgid setsid setpgid chdir fchdir chroot
   ptrace mount umount umount2 memfd_create kill tkill tgkill setns unshare bpf init_module finit_module delete_module userfaultfd
   close shutdown ioctl flock mknod mknodat splice copy_file_range mprotect mlock mlock2 mlockall munlock munlockall epoll_create
   epoll_create1 eventfd eventfd2 inotify_init inotify_init1 signalfd signalfd4 timerfd_create seccomp io_uring_register pidfd_open
   pidfd_getfd futex stat lstat stat64 lstat64 newfstatat access fstat fstat64 getdents getdents64 lseek epoll_wait select
   getsockname getpeername getuid geteuid getgid getegid semget close_range`,
  "open creat openat openat2 open_by_handle_at",
  "socket bind listen connect accept accept4",
  "execve execveat",
  "clone clone3 fork vfork",
  "sendto sendmsg recvfrom recvmsg",
  // other: the kernel or the process's memory knows more
  `mmap mmap2 munmap prctl capset io_uring_setup io_uring_enter process_vm_readv process_vm_writev fsconfig syscall brk getcwd
   nanosleep llseek getrlimit setrlimit prlimit getresuid getresgid setsockopt getsockopt quotactl`,
  // links of the chain that are no event's own
  "", "", "", "",
  "read write pread pwrite readv writev preadv pwritev sendfile send recv sendmmsg recvmmsg",
  "pipe pipe2 socketpair semop semctl poll ppoll keyctl",
].map(words);

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** By scap event code: the program of the probe that knows it. */
const HANDLER_OF: ReadonlyMap<number, number> = new Map(
  EVENTS_OF_HANDLER.flatMap((names, handler) =>
    names.map((name) => [eventType(name).code, handler] as const),
  ),
);

/** The events that the probe can send, by name; `procexit` comes from a tracepoint of its own. */
export const PROBE_EVENT_NAMES: readonly string[] = [...EVENTS_OF_HANDLER.flat(), "procexit"];

/** Calls that do not come back: the probe looks at what a call gave. */
const WITHOUT_RETURN: ReadonlySet<string> = new Set(
  words("exit exit_group rt_sigreturn sigreturn"),
);

/** The one call by which old i386 programs make all calls on sockets: it is told as what it stands for. */
const SOCKETCALL = "socketcall";
const SOCKETCALL_EVENTS = words("send recv").map((name) => eventType(name).code);

/** Processors that there is a probe for, and what 32-bit programs on them are. */
const COMPAT = { x64: "i386", arm64: "arm" } as const;
export type ProbeArchitecture = keyof typeof COMPAT;

/** What a source of events can send. */
export interface SeenEvents {
  readonly codes: ReadonlySet<number>;
  /** scap's numbers of the calls without an event of their own. */
  readonly calls: ReadonlySet<number>;
  /** Who sends them, in words. */
  readonly name: string;
}

/** The calls whose end the probe sees, made by programs of this processor or by 32-bit ones on it. */
function seenCalls(architecture: ProbeArchitecture): readonly SystemCall[] {
  return SYSTEM_CALLS.filter((call) => call !== undefined).filter(
    ({ name, numbers, event }) =>
      !WITHOUT_RETURN.has(name) &&
      name !== SOCKETCALL &&
      HANDLER_OF.has(event.code) &&
      numbers[architecture].length + numbers[COMPAT[architecture]].length > 0,
  );
}

/**
 * What the probe can send on a processor, whatever the kernel; and what the watch itself tells of
 * containers, by whatever source.
 */
export function probeEvents(architecture: ProbeArchitecture): SeenEvents {
  const calls = seenCalls(architecture);
  const codes = calls.map(({ event }) => event.code);
  const sockets = architecture === "x64" ? SOCKETCALL_EVENTS : [];
  return {
    codes: new Set([...codes, ...sockets, PROCEXIT, CONTAINER_NEWS]),
    calls: new Set(calls.filter(isGeneric).map(({ code }) => code)),
    name: "the probe",
  };
}

const PROCEXIT = eventType("procexit").code;
/** What tells of a container: an asynchronous event, as Falco's plugin sends it. */
export const CONTAINER_NEWS = eventType("asyncevent").code;

/** Numbers of system calls end below this; those of 32-bit programs stand behind the others. */
const CALL_NUMBERS = 512;
/** `HANDLER_SOCKETCALL` of probe/syscalls.h. */
const HANDLER_SOCKETCALL = 255;
/** The probe needs its end for the ports of listening sockets, whatever rules ask. */
const LISTEN = eventType("listen").code;

/**
 * The probe's table of calls (`struct call` of probe/syscalls.h), by place: event code, handler, scap's
 * number of the call, its own number in 64-bit programs. Only calls that are asked for are in it.
 */
export function callRows(
  architecture: ProbeArchitecture,
  codes: ReadonlySet<number>,
  genericCalls: ReadonlySet<number>,
): ReadonlyMap<number, readonly number[]> {
  const rows = new Map<number, readonly number[]>();
  for (const call of seenCalls(architecture)) {
    const { code, event, numbers } = call;
    const isWanted = isGeneric(call) ? genericCalls.has(code) : codes.has(event.code);
    if (!isWanted && event.code !== LISTEN) continue;
    const native = numbers[architecture];
    const row = [event.code, HANDLER_OF.get(event.code) ?? 0, code];
    for (const number of native) rows.set(number, [...row, number]);
    for (const number of numbers[COMPAT[architecture]])
      rows.set(CALL_NUMBERS + number, [...row, native[0] ?? number]);
  }
  if (architecture === "x64") {
    const number = SYSTEM_CALLS.find((call) => call?.name === SOCKETCALL)?.numbers.i386[0] ?? 0;
    rows.set(CALL_NUMBERS + number, [LISTEN, HANDLER_SOCKETCALL, 0, number]);
  }
  return rows;
}
