import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import { errnoOf } from "../lib/errno.ts";
import { AppError } from "../lib/errors.ts";
import { hostPath, isOnHost } from "../lib/host-root.ts";
import { check, libc } from "../libc/libc.ts";

/**
 * A network namespace held open: it lives on until `close`, even when its last process has ended.
 */
export interface NetworkNamespace {
  /** The namespace's inode number, as in `readlink /proc/PID/ns/net`. */
  readonly inode: number;
  readonly fd: number;
  /** The process it was opened by; absent when it was opened by path. */
  readonly pid?: number;
  /** Safe to call twice. */
  close(): void;
}

/**
 * Opens the namespace of a process, or one bound to a path such as `/run/netns/NAME`.
 * Throws `KERNEL_NAMESPACE` when the process is gone or is not ours to look at (it needs
 * CAP_SYS_PTRACE).
 */
export function openNamespace(source: number | string): NetworkNamespace {
  const path = typeof source === "number" ? hostPath(`/proc/${source}/ns/net`) : source;
  const fd = openPath(path);
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    inode: fstatSync(fd).ino,
    fd,
    close,
    ...(typeof source === "number" ? { pid: source } : {}),
  };
}

/** Inode number of the namespace that this thread is in. */
export function ownNamespaceInode(): number {
  return home().inode;
}

/** The host's, where this process may be in a container. Throws `KERNEL_NAMESPACE`. */
export function openHostNamespace(): NetworkNamespace {
  return openNamespace(isOnHost() ? "/proc/thread-self/ns/net" : hostPath("/proc/1/ns/net"));
}

/** Inode number of the host's; that of this process's where the host's may not be looked at. */
export function hostNamespaceInode(): number {
  if (isOnHost()) return ownNamespaceInode();
  try {
    return statSync(hostPath("/proc/1/ns/net")).ino;
  } catch {
    return ownNamespaceInode();
  }
}

/**
 * Runs `act` with this thread inside the namespace, and comes back whatever happens. Sockets made
 * by `act` stay in the namespace. INVARIANT: `act` is synchronous, so nothing else of this thread
 * ever runs inside. Costs two setns(2), about 5 µs; in our own namespace none, and then no
 * privilege is needed. Throws `KERNEL_EPERM` without CAP_SYS_ADMIN.
 */
export function inNamespace<T>(namespace: NetworkNamespace, act: () => T): T {
  const own = home();
  if (namespace.inode === own.inode) return act();
  check(
    libc.setns(namespace.fd, CLONE_NEWNET),
    `enter network namespace ${namespace.inode}`,
    "run as root or with CAP_SYS_ADMIN",
  );
  try {
    return act();
  } finally {
    check(libc.setns(own.fd, CLONE_NEWNET), "return to our own network namespace");
  }
}

function openPath(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown";
    const hint = errno === "EACCES" || errno === "EPERM" ? "run as root" : undefined;
    throw new AppError("KERNEL_NAMESPACE", `Cannot open network namespace "${path}": ${errno}`, {
      cause,
      hint,
    });
  }
}

let ownNamespace: NetworkNamespace | undefined;

/** Opened at first use and kept for the life of the thread: without it there is no way back. */
function home(): NetworkNamespace {
  ownNamespace ??= openNamespace("/proc/thread-self/ns/net");
  return ownNamespace;
}

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x4000_0000;
