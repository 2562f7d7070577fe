import { libc } from "./libc.ts";

/** What the kernel knows of a file; times in nanoseconds since the Unix epoch. */
export interface KeptStat {
  /** File type and permissions (inode(7)). */
  readonly mode: number;
  readonly inode: number;
  /** Of its file system, as stat(2) has it. */
  readonly device: number;
  readonly size: number;
  readonly changedNs: bigint;
  readonly modifiedNs: bigint;
}

/**
 * statx(2) with AT_STATX_DONT_SYNC: what the kernel keeps of a file, without asking a server of a
 * network's or user's (FUSE) file system, which may never answer. Of a path links are followed;
 * of a descriptor the file itself is meant, one of O_PATH, too. Undefined when there is none, it
 * may not be looked at, or the kernel has no statx (before Linux 4.11).
 */
export function statKept(file: string | number): KeptStat | undefined {
  const flags = AT_STATX_DONT_SYNC | (typeof file === "number" ? AT_EMPTY_PATH : 0);
  const [directory, path] = typeof file === "number" ? [file, ""] : [AT_FDCWD, file];
  const arguments_ = ["int", directory, "str", path, "int", flags, "uint", STATX_BASIC_STATS];
  if (Number(libc.syscall(STATX, ...arguments_, "void *", bytes)) < 0) return undefined;
  return {
    mode: view.getUint16(28, true),
    inode: Number(view.getBigUint64(32, true)),
    device: deviceNumber(view.getUint32(136, true), view.getUint32(140, true)),
    size: Number(view.getBigUint64(40, true)),
    changedNs: timeAt(96),
    modifiedNs: timeAt(112),
  };
}

/** makedev(3), as far as 32 bits go. */
function deviceNumber(major: number, minor: number): number {
  return (((minor & ~0xff) << 12) | (major << 8) | (minor & 0xff)) >>> 0;
}

/** struct statx_timestamp: seconds, nanoseconds. */
function timeAt(offset: number): bigint {
  return view.getBigInt64(offset, true) * 1_000_000_000n + BigInt(view.getUint32(offset + 8, true));
}

/** struct statx (include/uapi/linux/stat.h) */
const bytes = new Uint8Array(256);
const view = new DataView(bytes.buffer);

const STATX = process.arch === "arm64" ? 291 : 332;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_BASIC_STATS = 0x7ff;
