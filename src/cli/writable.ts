import { closeSync, constants, openSync, rmSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../lib/errno.ts";
import { AppError } from "../lib/errors.ts";

/**
 * Why a file or folder cannot be written to now, as the system's errno; undefined where it can. For
 * what is not there yet the folder counts that it would be made in. Leaves nothing behind and waits
 * for nobody.
 */
export function whyNotWritable(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) makeFileIn(path);
    else if (stats !== undefined) closeSync(openSync(path, APPENDING));
    else if (dirname(path) !== path) return whyNotInFolder(dirname(path));
    return undefined;
  } catch (thrown) {
    const errno = errnoOf(thrown) ?? "unknown";
    // A FIFO without a reader may be written to when there is one; a full disk, when there is room.
    return PASSING.has(errno) ? undefined : errno;
  }
}

/**
 * Throws where no report can be written into the folder: `KERNEL_REPORT` for want of a privilege,
 * else `CONFIG_REPORT`.
 */
export function requireReportFolder(folder: string): void {
  const errno = whyNotInFolder(folder) ?? whyNotInFolder(join(folder, "tls"));
  if (errno === undefined) return;
  const isRight = errno === "EACCES" || errno === "EPERM";
  throw new AppError(
    isRight ? "KERNEL_REPORT" : "CONFIG_REPORT",
    `Cannot write to report folder "${folder}": ${isRight ? ownerWords(folder) : (STATES[errno] ?? errno)}`,
    { hint: isRight ? rightHint() : "name another folder with --report" },
  );
}

function whyNotInFolder(path: string): string | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    return errnoOf(thrown) ?? "unknown";
  }
  return stats === undefined || stats.isDirectory() ? whyNotWritable(path) : "ENOTDIR";
}

function makeFileIn(folder: string): void {
  try {
    closeSync(openSync(folder, NAMELESS_FILE, 0o600));
  } catch (thrown) {
    if (!NO_NAMELESS.has(errnoOf(thrown) ?? "")) throw thrown;
    const path = join(folder, `.saker-${process.pid}.tmp`);
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    rmSync(path);
  }
}

/** Whose it is that forbids: the folder, or the first above that is there. */
function ownerWords(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined && dirname(path) !== path) return ownerWords(dirname(path));
    return stats === undefined || stats.uid === process.geteuid?.()
      ? "permission denied"
      : `it belongs to user ${stats.uid}`;
  } catch {
    return "permission denied";
  }
}

function rightHint(): string {
  return process.geteuid?.() === 0
    ? "leave CAP_DAC_OVERRIDE (docker run --cap-add DAC_OVERRIDE), which is given up where it is not needed, or name another folder with --report"
    : "name a folder of your own with --report";
}

const STATES: Readonly<Record<string, string>> = {
  ENOTDIR: "it is no folder",
  EROFS: "its file system is read-only",
};

const PASSING: ReadonlySet<string> = new Set(["ENXIO", "ENOSPC", "EDQUOT", "ELOOP"]);

const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOFOLLOW, O_NOCTTY } = constants;
/** Opening alone makes some devices act: what a link leads to is not for this to open. */
const APPENDING = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY;

/**
 * O_TMPFILE of include/uapi/asm-generic/fcntl.h: a file that no other process sees, and that is
 * gone when it is closed.
 */
const NAMELESS_FILE = constants.O_WRONLY | constants.O_DIRECTORY | 0o20000000;

/** What file systems say that have no such files (NFS, older overlays). */
const NO_NAMELESS: ReadonlySet<string> = new Set(["EOPNOTSUPP", "EISDIR", "EINVAL"]);
