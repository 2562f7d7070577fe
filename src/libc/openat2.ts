import { lastErrno, libc } from "./libc.ts";

/** How a path may be resolved (openat2(2), include/uapi/linux/openat2.h). */
export const RESOLVE = {
  /** No mount point on the way, not by a link either. */
  NO_XDEV: 0x01,
  /** No link of the kind of /proc/PID/exe. */
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  /** The folder is the root: absolute links and `..` lead nowhere else. */
  IN_ROOT: 0x10,
  /** Nothing that is not in the kernel's memory already: fails with EAGAIN instead (Linux 5.12). */
  CACHED: 0x20,
} as const;

/** How a file is opened: bits of O_… and RESOLVE_… (openat2(2)). */
export interface OpenHow {
  /** O_… of open(2), as the kernel has them on this machine. */
  readonly flags: number;
  /** A set of RESOLVE. */
  readonly resolve: number;
}

/** openat2(2): a descriptor that the caller closes, or the name of what is wrong. */
export function openat2(
  directory: number,
  path: string | Uint8Array,
  how: OpenHow,
): number | string {
  const name = typeof path === "string" ? Buffer.from(`${path}\0`) : Buffer.from([...path, 0]);
  const struct = new BigUint64Array([BigInt(how.flags), 0n, BigInt(how.resolve)]);
  const where = ["int", directory, "void *", name] as const;
  const options = ["void *", new Uint8Array(struct.buffer), "size_t", struct.byteLength] as const;
  const fd = Number(libc.syscall(OPENAT2, ...where, ...options));
  return fd < 0 ? lastErrno() : fd;
}

/**
 * Whether the kernel has it (Linux 5.6), and nobody keeps it from us: in containers of some
 * runtimes it gives EPERM for everything.
 */
export function hasOpenat2(): boolean {
  if (isThere === undefined) {
    const fd = openat2(AT_FDCWD, "/", { flags: O_PATH, resolve: RESOLVE.NO_XDEV });
    isThere = typeof fd === "number";
    if (typeof fd === "number") libc.close(fd);
  }
  return isThere;
}

let isThere: boolean | undefined;

const OPENAT2 = 437;
const AT_FDCWD = -100;
/** The same on x64 and arm64. */
const O_PATH = 0o10000000;
