import { closeSync, readdirSync, readFileSync, statSync } from "node:fs";
import { OPEN_FLAGS } from "../events/flag-names.ts";
import { hostPath } from "../lib/host-root.ts";
import { decodeText } from "../lib/text.ts";
import { libc } from "../libc/libc.ts";
import { statKept } from "../libc/stat-kept.ts";
import { findKept, openRoot } from "../untrusted/open-inside.ts";

/** A file as a link of /proc shows it: the path from the root of its mount namespace. */
export interface LinkedFile {
  readonly path: string;
  /** It has this name no more. */
  readonly isDeleted: boolean;
}

/** Where a link below /proc leads to; undefined when the process is gone. */
export function linkedFile(link: string): LinkedFile | undefined {
  const text = linkText(link);
  if (text === undefined) return undefined;
  const isDeleted = text.endsWith(DELETED);
  return { path: isDeleted ? text.slice(0, -DELETED.length) : text, isDeleted };
}

/** How a process has a file open. */
export interface OpenDescriptor {
  readonly number: number;
  /** In scap's numbering (OPEN_FLAGS), of those that last beyond the call. */
  readonly flags: number;
}

/**
 * The process's newest descriptor of the file, which may be deleted by now; undefined when it has
 * none any more.
 */
export function descriptorOfFile(pid: number, path: string): OpenDescriptor | undefined {
  try {
    // From Linux 6.2 on the folder's size is their number.
    if (statSync(hostPath(`/proc/${pid}/fd`)).size > MAX_LISTED) return undefined;
    const numbers = readdirSync(hostPath(`/proc/${pid}/fd`))
      .map(Number)
      .toSorted((one, other) => other - one);
    for (const number of numbers.slice(0, MAX_DESCRIPTORS)) {
      if (linkedFile(hostPath(`/proc/${pid}/fd/${number}`))?.path !== path) continue;
      const flags = /^flags:\t([0-7]+)$/m.exec(
        readFileSync(hostPath(`/proc/${pid}/fdinfo/${number}`), "utf8"),
      )?.[1];
      if (flags !== undefined) return { number, flags: scapFlags(Number.parseInt(flags, 8)) };
    }
  } catch {
    // It has ended.
  }
  return undefined;
}

/**
 * Whether the process's path leads to this very file; undefined when that cannot be told. An
 * overlay opens what lies below it in the process's name, too.
 */
export function leadsTo(
  pid: number,
  { path, isDeleted }: LinkedFile,
  file: { readonly dev: number; readonly ino: number },
): boolean | undefined {
  const root = isDeleted ? undefined : linkText(hostPath(`/proc/${pid}/root`));
  if (root === undefined) return undefined;
  const inside =
    root === "/" ? path : path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
  if (inside === undefined) return undefined;
  return inside === "" ? undefined : isAt(pid, inside, file);
}

/** By what the kernel keeps of a file that was just opened: the path is the process's to choose. */
function isAt(
  pid: number,
  inside: string,
  file: { readonly dev: number; readonly ino: number },
): boolean | undefined {
  try {
    const root = openRoot(hostPath(`/proc/${pid}`));
    const found = findKept(root, inside);
    closeSync(root);
    if (typeof found === "string") return undefined;
    const stat = statKept(found);
    libc.close(found);
    return stat === undefined ? undefined : stat.device === file.dev && stat.inode === file.ino;
  } catch {
    return undefined;
  }
}

/** Hot: each event's file is asked for, and this takes half the time of Node's own. */
function linkText(link: string): string | undefined {
  const length = Number(libc.readlink(link, target, target.length));
  return length < 0 ? undefined : decodeText(target, 0, length);
}

/** A link of /proc gives no more than a page. */
const target = new Uint8Array(4096);

/** From Linux's numbers, of those that are the same on x64 and arm64. */
function scapFlags(flags: number): number {
  const access = [OPEN_FLAGS.O_RDONLY, OPEN_FLAGS.O_WRONLY, OPEN_FLAGS.O_RDWR][flags & 3] ?? 0;
  return LASTING.reduce(
    (sum, [linux, scap]) => ((flags & linux) === linux ? sum | scap : sum),
    access,
  );
}

const LASTING = [
  [0o2000, OPEN_FLAGS.O_APPEND],
  [0o4000, OPEN_FLAGS.O_NONBLOCK],
  [0o10000, OPEN_FLAGS.O_DSYNC],
  [0o4010000, OPEN_FLAGS.O_SYNC],
  [0o2000000, OPEN_FLAGS.O_CLOEXEC],
] as const;

const DELETED = " (deleted)";
/** Descriptors that are listed at all: to list more takes longer than an open is worth. */
const MAX_LISTED = 4096;
const MAX_DESCRIPTORS = 256;
