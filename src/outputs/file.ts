import { constants } from "node:fs";
import { access, type FileHandle, lstat, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { errnoOf } from "../lib/errno.ts";
import { whoElseWrites } from "../untrusted/who-else-writes.ts";
import type { News } from "../news/news.ts";
import { alertLine } from "./alert-line.ts";
import type { Answer, Destination } from "./destination.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { writeToPipe } from "./write-to-pipe.ts";

/** Falco's `file_output`. */
export interface FileOptions extends Switch {
  readonly filename: string;
  readonly keepAlive: boolean;
}

/** Falco's file_output: alerts appended to a file. */
export const FILE_OUTPUT: OutputKind<FileOptions> = {
  section: "file_output",
  doc: "Alerts in a file of mode 0640, a line each, besides the report's own.",
  required: "filename",
  options: {
    enabled: enabledOption(false),
    filename: { key: "filename", default: "./events.txt", doc: "Path of the file." },
    keepAlive: {
      key: "keep_alive",
      default: false,
      doc: "Whether Falco keeps the file open.",
      neutral: "the file is kept open, and opened anew when it was moved or deleted",
    },
  },
  isOn: ({ enabled }) => enabled,
  open: ({ filename }, context) =>
    fileDestination({
      name: FILE_OUTPUT.section,
      path: filename,
      format: (news) => alertLine(news, context),
      context,
    }),
};

interface FileDestinationOptions {
  readonly name: string;
  readonly path: string;
  readonly format: (news: News) => string | undefined;
  readonly context: Pick<OutputContext, "claims" | "onNote">;
}

/**
 * Appends whole lines to a regular file or to a FIFO that somebody reads. Nothing blocks: a FIFO
 * without a reader, a folder, a device, a disk that is full or cannot be written to is an answer.
 */
export function fileDestination(options: FileDestinationOptions): Destination {
  return new FileDestination(options);
}

class FileDestination implements Destination {
  readonly name: string;
  readonly target: string;
  readonly batch = { lines: 256, bytes: 256 << 10 };
  readonly #options: FileDestinationOptions;
  #file: FileHandle | undefined;
  /** Who writes to the same file instead. */
  #other: string | undefined;
  #mustReopen = false;
  /** What a FIFO's reader has not taken of a line that was begun. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: FileDestinationOptions) {
    this.name = options.name;
    this.target = JSON.stringify(options.path);
    this.#options = options;
  }

  format(news: News): string | undefined {
    return this.#options.format(news);
  }

  async check(): Promise<string | undefined> {
    try {
      await this.#open();
      return undefined;
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }

  async look(): Promise<string | undefined> {
    try {
      const { path } = this.#options;
      const kind = await kindOf(path);
      if (kind === undefined) await access(await nearestTo(path), constants.W_OK);
      return kind;
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    try {
      const file = await this.#open();
      if (this.#other !== undefined) return { delivered: 0, duplicates: lines.length };
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      if ((await file.stat()).isFIFO()) return await this.#writeFifo(file, lines, signal);
      await appendWhole(file, bytes);
      return { delivered: lines.length };
    } catch (thrown) {
      return { delivered: 0, reason: reasonOf(thrown) };
    }
  }

  reopen(): void {
    this.#mustReopen = true;
  }

  async close(): Promise<void> {
    this.#options.context.claims.release(this);
    const file = this.#file;
    this.#file = undefined;
    this.#rest = Buffer.alloc(0);
    await file?.close();
  }

  /** The file that the path names now; opened anew when another one has taken its place. */
  async #open(): Promise<FileHandle> {
    const { path } = this.#options;
    const old = this.#file;
    if (old !== undefined && !this.#mustReopen && (await isStill(path, old))) {
      // Who had it may have gone on to another one.
      if (this.#other !== undefined) await this.#claim(old);
      return old;
    }
    await this.close();
    this.#mustReopen = false;
    const file = await openForLines(path);
    try {
      await this.#claim(file);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return (this.#file = file);
  }

  async #claim(file: FileHandle): Promise<void> {
    const { context } = this.#options;
    const other = await context.claims.claim(this, await file.stat({ bigint: true }));
    if (other !== undefined && other !== this.#other)
      context.onNote(`${this.target} is not written to: ${other}`);
    this.#other = other;
  }

  async #writeFifo(
    file: FileHandle,
    lines: readonly string[],
    signal: AbortSignal,
  ): Promise<Answer> {
    let delivered = 0;
    try {
      for (const line of lines) {
        // A line that was begun before comes first: it is the first of those that are tried again.
        if (this.#rest.length === 0) this.#rest = Buffer.from(`${line}\n`);
        this.#rest = this.#rest.subarray(await writeToPipe(file.fd, this.#rest, signal));
        if (this.#rest.length > 0) return { delivered, reason: "the FIFO's reader does not read" };
        delivered += 1;
      }
      return { delivered };
    } catch (thrown) {
      this.#rest = Buffer.alloc(0);
      return { delivered, reason: reasonOf(thrown) };
    }
  }
}

/** The path itself, or the folder in which it would be made. */
async function nearestTo(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const isThere = await access(at).then(
      () => true,
      () => false,
    );
    if (isThere || dirname(at) === at) return at;
  }
}

/** Opens a path to append to it. Throws what `reasonOf` puts into words. */
async function openForLines(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const kind = await kindOf(path);
  // Before it is opened: opening alone makes some devices act.
  if (kind !== undefined) throw new Error(kind);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const file = await open(path, flags, 0o640);
  try {
    await requireOnlyName(path, file);
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** In a folder of others a hard link may stand for any file of the same disk. */
async function requireOnlyName(path: string, file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.nlink <= 1) return;
  const who = whoElseWrites(dirname(path));
  if (who !== undefined)
    throw new Error(`it is a further name of another file, in a folder of others (${who})`);
}

/** Why lines cannot be appended to what a path names; undefined when they can, or nothing does. */
async function kindOf(path: string): Promise<string | undefined> {
  let status;
  try {
    status = await lstat(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  if (status.isFile() || status.isFIFO()) return undefined;
  if (status.isDirectory()) return "it is a folder";
  if (status.isSymbolicLink()) return "it is a symbolic link, which is not followed";
  return status.isSocket() ? "it is a socket, not a file" : "it is a device, not a file";
}

/** Writes all bytes or none: what a full disk cut off is taken back. */
async function appendWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  const { size } = await file.stat();
  let written = 0;
  try {
    while (written < bytes.length)
      written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  } catch (thrown) {
    // Only where nobody else has appended behind it.
    if (written > 0 && (await file.stat()).size === size + written) await file.truncate(size);
    throw thrown;
  }
}

async function isStill(path: string, file: FileHandle): Promise<boolean> {
  try {
    const [now, open] = await Promise.all([
      lstat(path, { bigint: true }),
      file.stat({ bigint: true }),
    ]);
    return now.ino === open.ino && now.dev === open.dev;
  } catch {
    return false;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EEXIST: "a part of its path is no folder",
  ELOOP: "it is a symbolic link, which is not followed",
  ENXIO: "no program reads this FIFO",
  EPIPE: "the FIFO's reader went away",
  EFBIG: "the file is as large as it may be",
  EIO: "the disk has an error",
};

function reasonOf(thrown: unknown): string {
  const errno = errnoOf(thrown);
  return errno === undefined
    ? messageOf(thrown)
    : `${REASONS[errno] ?? messageOf(thrown)} (${errno})`;
}
