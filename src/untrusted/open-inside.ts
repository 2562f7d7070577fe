import { constants, openSync } from "node:fs";
import { encodeText } from "../lib/text.ts";
import { lastErrno, libc } from "../libc/libc.ts";
import { hasOpenat2, openat2, RESOLVE } from "../libc/openat2.ts";
import { statKept } from "../libc/stat-kept.ts";
import { readBeginning } from "./read-bounded.ts";

/** How far a path may lead. */
export interface Reach {
  /** Over links within the mount (`links`), or over mounts without links (`mounts`). */
  readonly across: "links" | "mounts";
  /** False as on kernels that have no openat2: then no link is followed at all. */
  readonly hasOpenat2?: boolean;
}

/**
 * Finds what a path means below a folder that somebody else fills, and opens nothing: a descriptor
 * of O_PATH, for the caller to close (libc.close: it is none of Node's), or the name of what is wrong. The folder is the root: no
 * link leads out of it. `EXDEV`: it leads to another mount, `ELOOP`: over a link.
 */
export function findInside(root: number, path: string, reach: Reach): number | string {
  if (!(reach.hasOpenat2 ?? hasOpenat2())) return walk(root, path, reach);
  const { IN_ROOT, NO_MAGICLINKS, NO_SYMLINKS, NO_XDEV } = RESOLVE;
  const resolve = IN_ROOT | NO_MAGICLINKS | (reach.across === "links" ? NO_XDEV : NO_SYMLINKS);
  // EAGAIN: something was renamed meanwhile.
  for (let attempt = 0; ; attempt += 1) {
    const found = openat2(root, path, { flags: O_PATH | O_CLOEXEC, resolve });
    if (found !== "EAGAIN" || attempt === ATTEMPTS) return found;
  }
}

/**
 * The same of a path without links that somebody has just used: nobody is asked for what the kernel
 * does not keep, so that it never waits (`EAGAIN`). Before Linux 5.12 it looks, folder by folder.
 */
export function findKept(root: number, path: string): number | string {
  const { CACHED, IN_ROOT, NO_MAGICLINKS, NO_SYMLINKS } = RESOLVE;
  const resolve = CACHED | IN_ROOT | NO_MAGICLINKS | NO_SYMLINKS;
  const found = hasOpenat2()
    ? openat2(root, encodeText(path), { flags: O_PATH | O_CLOEXEC, resolve })
    : "EINVAL";
  return found === "EINVAL" ? walk(root, path, { across: "mounts" }) : found;
}

/** The root of a process by its folder below /proc, for the caller to close. Throws when it is gone. */
export function openRoot(process: string): number {
  return openSync(`${process}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/** Opens for reading what `findInside` found; never waits for a writer or a lease. */
export function openFound(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/** Folder by folder. */
function walk(root: number, path: string, { across }: Reach): number | string {
  const mount = mountOf(root);
  let directory = root;
  const step = (name: string): number | string => {
    const fd = libc.openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0) return lastErrno();
    const type = (statKept(fd)?.mode ?? S_IFLNK) & S_IFMT;
    const problem =
      type === S_IFLNK ? "ELOOP" : across === "links" && mountOf(fd) !== mount ? "EXDEV" : fd;
    if (problem !== fd) libc.close(fd);
    return problem;
  };
  const names = path.split("/").filter(Boolean);
  for (const name of names.length === 0 ? ["."] : names) {
    const next = name === ".." ? "EXDEV" : step(name);
    if (directory !== root) libc.close(directory);
    if (typeof next === "string") return next;
    directory = next;
  }
  return directory;
}

/** The id of the mount that a descriptor's file was found on; undefined where nobody says. */
export function mountOf(fd: number): number | undefined {
  const text = readBeginning(`/proc/self/fdinfo/${fd}`, MAX_FDINFO);
  const id = /^mnt_id:\t(\d+)$/m.exec(text)?.[1];
  return id === undefined ? undefined : Number(id);
}

const { O_RDONLY, O_DIRECTORY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW, S_IFMT, S_IFLNK } = constants;
/** Node has no names for them; the same on x64 and arm64. */
const [O_PATH, O_CLOEXEC] = [0o10000000, 0o2000000];
const ATTEMPTS = 8;
const MAX_FDINFO = 64 * 1024;
