import { eventType } from "./schema.ts";

/**
 * The events that the probe can send: those of the table in probe/syscalls.h, by whose names a test
 * compares the two. A call that is added there is added here, and every rule on it is no longer
 * warned of.
 */
export const PROBE_EVENT_NAMES: readonly string[] = `
  execve execveat clone clone3 fork vfork procexit open creat openat openat2 socket bind listen
  connect accept accept4 sendto sendmsg recvfrom recvmsg dup dup2 dup3 fcntl unlink unlinkat rename
  renameat renameat2 symlink symlinkat link linkat mkdir mkdirat rmdir chmod fchmod fchmodat chown
  lchown fchown fchownat setuid setgid setreuid setregid setresuid setresgid setsid setpgid chdir
  fchdir chroot ptrace mount umount umount2 memfd_create kill tkill tgkill setns unshare bpf
  init_module finit_module delete_module userfaultfd close shutdown ioctl flock mknod mknodat splice
  copy_file_range open_by_handle_at mmap mmap2 munmap mprotect mlock mlock2 mlockall munlock
  munlockall epoll_create epoll_create1 eventfd2 inotify_init1 fsconfig seccomp prctl capset
  io_uring_setup io_uring_enter io_uring_register pidfd_open pidfd_getfd process_vm_readv
  process_vm_writev
`
  .trim()
  .split(/\s+/);

/** Their codes, and who sends them. */
export const PROBE_EVENTS = {
  codes: new Set(PROBE_EVENT_NAMES.map((name) => eventType(name).code)) as ReadonlySet<number>,
  name: "the probe",
} as const;
