import koffi from "koffi";
import { AppError } from "../lib/errors.ts";

/**
 * The C library's functions that Saker calls, resolved from the process itself: the same on glibc
 * and musl.
 */
const process_ = koffi.load(null);

/**
 * The functions of the C library that are called; each returns what it does in C, and sets errno.
 */
export const libc = {
  /**
   * bpf(2), perf_event_open(2) and whatever has no wrapper. Every further argument is a pair of
   * koffi type and value.
   */
  syscall: process_.func("int64_t syscall(int64_t number, ...)"),
  mmap: process_.func(
    "void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)",
  ),
  munmap: process_.func("int munmap(void *address, size_t length)"),
  madvise: process_.func("int madvise(uint64_t address, size_t length, int advice)"),
  /** glibc's alone. */
  malloc_trim: optional("int malloc_trim(size_t pad)"),
  close: process_.func("int close(int fd)"),
  openat: process_.func("int openat(int directory, const char *path, int flags, uint32_t mode)"),
  flock: process_.func("int flock(int fd, int operation)"),
  fcntl: process_.func("int fcntl(int fd, int command, int64_t argument)"),
  prctl: process_.func("int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)"),
  /** Ends the process without what exit(3) does before. */
  _exit: process_.func("void _exit(int status)"),
  kill: process_.func("int kill(int pid, int signal)"),
  pthread_sigmask: process_.func(
    "int pthread_sigmask(int how, const void *set, _Out_ void *before)",
  ),
  setns: process_.func("int setns(int fd, int type)"),
  socket: process_.func("int socket(int family, int type, int protocol)"),
  connect: process_.func("int connect(int fd, const void *address, uint32_t length)"),
  send: process_.func("int64_t send(int fd, const void *bytes, size_t length, int flags)"),
  read: process_.func("int64_t read(int fd, _Out_ void *bytes, size_t length)"),
  readlink: process_.func("int64_t readlink(const char *path, _Out_ void *bytes, size_t length)"),
  recv: process_.func("int64_t recv(int fd, _Out_ void *bytes, size_t length, int flags)"),
  pipe2: process_.func("int pipe2(_Out_ void *descriptors, int flags)"),
  ioctl: process_.func("int ioctl(int fd, uint64_t request, _Out_ void *value)"),
  getpagesize: process_.func("int getpagesize()"),
  setrlimit: process_.func("int setrlimit(int resource, const void *limit)"),
  clock_gettime: process_.func("int clock_gettime(int clock, _Out_ void *time)"),
  setsockopt: process_.func(
    "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
  ),
  bind: process_.func("int bind(int fd, const void *address, uint32_t length)"),
  fanotify_init: process_.func("int fanotify_init(uint32_t flags, uint32_t event_flags)"),
  fanotify_mark: process_.func(
    "int fanotify_mark(int fd, uint32_t flags, uint64_t mask, int directory, const char *path)",
  ),
  epoll_create1: process_.func("int epoll_create1(int flags)"),
  epoll_ctl: process_.func("int epoll_ctl(int epoll, int operation, int fd, const void *event)"),
  epoll_wait: process_.func(
    "int epoll_wait(int epoll, _Out_ void *events, int count, int timeout)",
  ),
} as const;

/** Undefined where this C library has no such function. */
function optional(declaration: string): ReturnType<typeof process_.func> | undefined {
  try {
    return process_.func(declaration);
  } catch {
    return undefined;
  }
}

/** Second names of numbers, which nobody looks for first. */
const ALIASES: ReadonlySet<string> = new Set(["EWOULDBLOCK", "ENOTSUP", "EDEADLOCK"]);
const ERRNO_NAMES = new Map(
  Object.entries(koffi.os.errno)
    .filter(([name]) => !ALIASES.has(name))
    .map(([name, number]) => [number, name]),
);

/**
 * The name of the last failed call's errno, such as `EPERM`. Must be asked before any other call.
 */
export function lastErrno(): string {
  const number = koffi.errno();
  return ERRNO_NAMES.get(number) ?? `errno ${number}`;
}

/**
 * The result of a call that returns -1 on failure; throws `KERNEL_<ERRNO>` with what was being
 * done.
 */
export function check(result: number | bigint, doing: string, hint?: string): number {
  if (Number(result) >= 0) return Number(result);
  const errno = lastErrno();
  throw new AppError(
    `KERNEL_${errno.replace(" ", "_").toUpperCase()}`,
    `Cannot ${doing}: ${errno}`,
    { hint },
  );
}

/**
 * The address of a typed array's first byte, for structures that hold pointers. The caller keeps
 * the array alive until the call is over.
 */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/**
 * Memory at an address as an ArrayBuffer, not a copy. Touching it after it was unmapped, or writing
 * where it is read-only, kills the process.
 */
export function viewMemory(address: bigint, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

/** A watch on a descriptor in Node's own event loop. */
export interface DescriptorWatch {
  /**
   * Calls `onReadable` in each turn of the loop in which the descriptor can be read, until `stop`.
   */
  start(onReadable: () => void): void;
  stop(): void;
  close(): void;
}

/**
 * Watches a descriptor by libuv's poll (epoll). Starts stopped; keeps the process alive only while
 * started.
 */
export function watchDescriptor(fd: number): DescriptorWatch {
  const handle = koffi.node.poll(fd, { readable: true }, () => {});
  handle.stop();
  return {
    start: (onReadable) => handle.start({ readable: true }, onReadable),
    stop: () => handle.stop(),
    close: () => handle.close(),
  };
}

/**
 * Watches a file that can always be read and tells its changes as an exceptional condition
 * (POLLPRI), as mount tables do (proc_pid_mountinfo(5)).
 * Node waits for what can be read alone, and an epoll descriptor can be when it has an event. Calls
 * once at the start, too: a change before Node waits is told to nobody.
 */
export function watchChanges(fd: number): DescriptorWatch {
  const epoll = check(libc.epoll_create1(EPOLL_CLOEXEC), "watch for changes");
  const event = new Uint8Array(EPOLL_EVENT_BYTES);
  new DataView(event.buffer).setUint32(0, EPOLLPRI | EPOLLET, true);
  check(libc.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, event), "watch for changes");
  const watch = watchDescriptor(epoll);
  let first: NodeJS.Immediate | undefined;
  const stop = (): void => {
    clearImmediate(first);
    watch.stop();
  };
  return {
    start: (onChange) => {
      watch.start(() => {
        libc.epoll_wait(epoll, event, 1, 0);
        onChange();
      });
      first = setImmediate(onChange);
    },
    stop,
    close: () => {
      stop();
      watch.close();
      libc.close(epoll);
    },
  };
}

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLPRI = 2;
const EPOLLET = 0x8000_0000;
/** Of struct epoll_event: 12 on x64, 16 elsewhere. */
const EPOLL_EVENT_BYTES = 16;
