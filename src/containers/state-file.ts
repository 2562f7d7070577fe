import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** A file's content, read as UTF-8, and when it was written. */
export interface StateFile {
  readonly text: string;
  /** Nanoseconds since the Unix epoch: its last change. */
  readonly modifiedAt: bigint;
}

/**
 * What a state file must be like to be read. `limit` is in bytes, default 4 MiB; `owner` is a user
 * id, anybody's file when left out.
 */
export interface StateFileOptions {
  /** Of a longer file nothing is read. */
  readonly limit?: number;
  /** Who must own the file: a user's folder may hold links to others' files. */
  readonly owner?: number | undefined;
  /** True for a file in memory (`isInMemory`): it is read at once, not by turns with all others. */
  readonly inMemory?: boolean;
}

/**
 * Whether a folder that is root's lies in memory, as /run does (tmpfs, ramfs): no disk and no server
 * can hold up who reads there.
 */
export function isInMemory(folder: string): boolean {
  try {
    return MEMORY_TYPES.has(statfsSync(folder).type);
  } catch {
    return false;
  }
}

/** linux/magic.h: TMPFS_MAGIC, RAMFS_MAGIC. */
const MEMORY_TYPES: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/**
 * Reads a file that a runtime keeps of its containers. Undefined when there is none, and for
 * anything but a regular file: a FIFO would wait, a link lead elsewhere. Never rejects.
 */
export async function readStateFile(
  path: string,
  options: StateFileOptions = {},
): Promise<StateFile | undefined> {
  if (path.includes("\0")) return undefined;
  if (options.inMemory === true) return readAtOnce(path, options);
  let file: FileHandle | undefined;
  try {
    file = await open(path, OPEN_FLAGS);
    const stat = await file.stat({ bigint: true });
    if (!isTaken(stat, options)) return undefined;
    // It may grow while it is read: never more than was looked at.
    const bytes = Buffer.alloc(Number(stat.size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return { text: bytes.toString("utf8", 0, bytesRead), modifiedAt: stat.mtimeNs };
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

function readAtOnce(path: string, options: StateFileOptions): StateFile | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, OPEN_FLAGS);
    const stat = fstatSync(descriptor, { bigint: true });
    if (!isTaken(stat, options)) return undefined;
    const bytes = Buffer.alloc(Number(stat.size));
    const read = readSync(descriptor, bytes, 0, bytes.length, 0);
    return { text: bytes.toString("utf8", 0, read), modifiedAt: stat.mtimeNs };
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isTaken(stat: BigIntStats, { limit = FILE_BYTES, owner }: StateFileOptions): boolean {
  if (!stat.isFile() || stat.size > limit) return false;
  return owner === undefined || Number(stat.uid) === owner;
}

/** Settings of the host's administrator, read once at the start; empty where there are none. */
export function readSettings(path: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    return stat.isFile() && stat.size <= FILE_BYTES ? readFileSync(descriptor, "utf8") : "";
  } catch {
    return "";
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** A state file as JSON; undefined, too, while it is not whole. */
export async function readStateJson(
  path: string,
  options: StateFileOptions = {},
): Promise<{ readonly json: unknown; readonly modifiedAt: bigint } | undefined> {
  const file = await readStateFile(path, options);
  if (file === undefined) return undefined;
  try {
    return { json: JSON.parse(file.text), modifiedAt: file.modifiedAt };
  } catch {
    return undefined;
  }
}

/**
 * True for an id or a name that may stand in a path: runtimes give no others, whoever answers in
 * their name might.
 */
export function isPathName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@:\\-]{0,254}$/.test(name);
}

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const FILE_BYTES = 4 * 1024 * 1024;
