import koffi from "koffi";
import { AppError } from "../lib/errors.ts";

/** The C library's functions that Saker calls, resolved from the process itself: the same on glibc and musl. */
const process_ = koffi.load(null);

export const libc = {
  /** bpf(2), perf_event_open(2) and whatever has no wrapper. Every further argument is a pair of koffi type and value. */
  syscall: process_.func("int64_t syscall(int64_t number, ...)"),
  mmap: process_.func("void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)"),
  munmap: process_.func("int munmap(void *address, size_t length)"),
  close: process_.func("int close(int fd)"),
  setns: process_.func("int setns(int fd, int type)"),
  socket: process_.func("int socket(int family, int type, int protocol)"),
  connect: process_.func("int connect(int fd, const void *address, uint32_t length)"),
  send: process_.func("int64_t send(int fd, const void *bytes, size_t length, int flags)"),
  recv: process_.func("int64_t recv(int fd, _Out_ void *bytes, size_t length, int flags)"),
  bind: process_.func("int bind(int fd, const void *address, uint32_t length)"),
} as const;

const ERRNO_NAMES = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));

/** The name of the last failed call's errno, such as `EPERM`. Must be asked before any other call. */
export function lastErrno(): string {
  const number = koffi.errno();
  return ERRNO_NAMES.get(number) ?? `errno ${number}`;
}

/** The result of a call that returns -1 on failure; throws `KERNEL_<ERRNO>` with what was being done. */
export function check(result: number | bigint, doing: string, hint?: string): number {
  if (Number(result) >= 0) return Number(result);
  const errno = lastErrno();
  throw new AppError(`KERNEL_${errno.replace(" ", "_").toUpperCase()}`, `Cannot ${doing}: ${errno}`, { hint });
}
