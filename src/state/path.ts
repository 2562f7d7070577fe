import { encodeText } from "../lib/text.ts";

/**
 * Joins `path` to the directory that it is relative to (with or without its closing `/`), as
 * `concatenatePaths` does, however long the two are. Hot.
 */
export function joinPath(directory: string, path: string): string {
  const base = directory.endsWith("/") ? directory : `${directory}/`;
  const whole = path.startsWith("/") ? path : base + path;
  // Nearly every path is normal, which three looks tell faster than one expression.
  if (
    !whole.includes("//") &&
    !whole.includes("/.") &&
    (whole.length === 1 || !whole.endsWith("/"))
  )
    return whole;
  return NEEDS_NORMALISING.test(whole) ? normalized(base, path) : whole;
}

const NEEDS_NORMALISING = /\/\/|\/\.\.?(?:\/|$)|.\/$/;

/**
 * Sets `path` behind `base`, which stays as it is and ends in `/` where it is a directory, and
 * normalises by text alone (libs, `concatenate_paths`): `.` and empty components go, `..` takes
 * away the component before it and never climbs above `/`; an absolute path stands alone. What is
 * longer than the real engine holds is TOO_LONG: for captures, which mean what they mean there.
 */
export function concatenatePaths(base: string, path: string): string {
  return isTooLong(base, path) ? TOO_LONG : normalized(base, path);
}

/** What the real engine says in place of a path that is longer than it holds. */
export const TOO_LONG = "/DIR_TOO_LONG/FILENAME_TOO_LONG";

/** Bytes of a path, and what joins and ends it (libs, SCAP_MAX_PATH_SIZE). */
const MAX_PATH = 1024;

/** Whether the two are more than the real engine holds. */
export function isTooLong(base: string, path: string): boolean {
  const units = base.length + path.length;
  if (3 * units + 1 <= MAX_PATH) return false;
  return encodeText(base).length + encodeText(path).length + 1 > MAX_PATH;
}

function normalized(base: string, path: string): string {
  // Nearly every path is normal, which some looks tell faster than taking it apart.
  if (!path.includes("/.") && !path.includes("//") && !path.endsWith("/")) {
    if (path.startsWith("/")) return path;
    if (path !== "" && !path.startsWith(".") && base.endsWith("/")) return base + path;
  }
  let joined = path.startsWith("/") ? "/" : base;
  let isFirst = true;
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") joined = withoutLast(joined);
    else joined += isFirst || joined === "" || joined.endsWith("/") ? part : `/${part}`;
    isFirst = false;
  }
  return joined.length > 1 && joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

function withoutLast(path: string): string {
  const end = path.endsWith("/") ? path.length - 2 : path.length - 1;
  const slash = end < 0 ? -1 : path.lastIndexOf("/", end);
  return slash < 0 ? (path.startsWith("/") ? "/" : "") : path.slice(0, slash + 1);
}

/** The part of a path up to and without its last `/`; `/` for a file in the root. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The part of a path behind its last `/`. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** An executable's path without the word that the kernel puts behind one that is gone. */
export function withoutDeleted(path: string): string {
  return path.length > DELETED.length && path.endsWith(DELETED)
    ? path.slice(0, -DELETED.length)
    : path;
}

const DELETED = " (deleted)";

/** What stands for a path that the kernel could not read. */
export const UNREADABLE = "<NA>";

/** What stands for the directory of a descriptor that nothing told of. */
export const UNKNOWN_DIRECTORY = "<UNKNOWN>";
