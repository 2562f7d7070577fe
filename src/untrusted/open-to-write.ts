import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { trustedOwners } from "./who-else-writes.ts";

/** How a file is opened that a user has named. */
export interface OpenToWriteOptions {
  /** What is written comes behind what stands there; else the file is made anew. */
  readonly appends?: boolean;
  /** Of a file that is not there yet; default 0640, less what umask(2) takes. */
  readonly mode?: number;
}

/**
 * Opens a file that a user has named for writing, where others may have put something in its place
 * (/tmp): no link of theirs is followed, nothing is written into a file of theirs or into a further
 * name of another file, and a FIFO that nobody reads is not waited for. Throws as open(2) fails, or
 * with what is wrong.
 */
export function openToWrite(
  path: string,
  { appends = false, mode = 0o640 }: OpenToWriteOptions = {},
): number {
  const owners = trustedOwners();
  const stated = lstatSync(path, { throwIfNoEntry: false });
  const isLink = stated?.isSymbolicLink() === true;
  if (isLink && !owners.has(stated.uid))
    throw new Error(`it is a symbolic link of user ${stated.uid}, which is not followed`);
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | (appends ? O_APPEND : 0);
  const fd = openSync(path, isLink ? flags : flags | O_NOFOLLOW, mode);
  try {
    const stats = fstatSync(fd);
    if (stats.isFile()) {
      requireOwn(stats, { path, owners });
      if (!appends) ftruncateSync(fd);
      return fd;
    }
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  // Now that it has a reader, a FIFO is written to as by everybody: by waiting for that one.
  const waiting = openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NOCTTY);
  closeSync(fd);
  return waiting;
}

function requireOwn(
  { uid, nlink }: Stats,
  { path, owners }: { readonly path: string; readonly owners: ReadonlySet<number> },
): void {
  const isShared = (statSync(dirname(path)).mode & 0o022) !== 0;
  if (isShared && !owners.has(uid))
    throw new Error(`it belongs to user ${uid}, in a folder that others may write to`);
  if (isShared && nlink > 1)
    throw new Error("it is a further name of another file, in a folder that others may write to");
}
