import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import { lastErrno, libc } from "../libc/libc.ts";

/** What came of locking a folder. */
export interface FolderLock {
  /** Why it could not be told whether another process has it. */
  readonly doubt?: string;
  release(): void;
}

/**
 * Locks a report folder for this process, and makes it where it is not there, by flock(2) on the
 * folder itself: there is no file that others could put something in place of, and the kernel
 * releases it with the process, however that ends. Throws `CONFIG_REPORT` when another process has
 * the lock.
 */
export function lockFolder(path: string): FolderLock {
  let fd: number;
  try {
    mkdirSync(path, { recursive: true, mode: 0o750 });
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (thrown) {
    return { doubt: messageOf(thrown), release: () => {} };
  }
  if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return { release: () => closeSync(fd) };
  const errno = lastErrno();
  closeSync(fd);
  // Some network file systems lock no folders.
  if (errno !== "EAGAIN") return { doubt: errno, release: () => {} };
  throw new AppError(
    "CONFIG_REPORT",
    `Cannot write to report folder "${path}": another saker watch writes there`,
    { hint: "end that one, or name another folder with --report" },
  );
}

/** Of include/uapi/asm-generic/fcntl.h, the same on x64 and arm64. */
const [LOCK_EX, LOCK_NB] = [2, 4];
