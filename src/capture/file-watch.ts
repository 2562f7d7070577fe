import { fstatSync, type Stats } from "node:fs";
import { type CallFilter, passesCallFilter } from "../events/call-filter.ts";
import { OPEN_FLAGS } from "../events/flag-names.ts";
import { eventType } from "../events/schema.ts";
import type { Process } from "../state/process.ts";
import { Fanotify, FILE_EVENT, type FileEvent } from "./fanotify.ts";
import { FileMarks } from "./file-marks.ts";
import { descriptorOfFile, leadsTo, type LinkedFile, linkedFile } from "./opened-by-process.ts";

/** A file that a process has opened. */
export interface FileOpen {
  /** From the root of the process's mount namespace. */
  readonly path: string;
  /**
   * In scap's numbering (OPEN_FLAGS): for reading, for writing or both, and what of the rest is
   * known.
   */
  readonly flags: number;
  /** Of its descriptor; 0 where that is not known. */
  readonly number: number;
  readonly device: number;
  readonly inode: number;
}

/** Whose opens are followed, and who hears of them. */
export interface FileWatchOptions {
  readonly ownPid: number;
  /** Undefined when it cannot be looked at any more. */
  readonly processOf: (pid: number) => Process | undefined;
  readonly onOpen: (process: Process, open: FileOpen) => void;
  /** What cannot be seen, once. */
  readonly onProblem: (text: string) => void;
}

/** What rules ask for; without a filter all opens are asked for. */
export interface AskedOpens {
  readonly filter: CallFilter | undefined;
}

/**
 * The files that processes open, by fanotify. That tells of an open and of a close after writing,
 * not how a file was opened: whoever has it open still is looked at; of who has not,
 * a close after writing says that it was written, and where none comes it was read. So an open for
 * writing is told when the file is closed at the latest.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #group: Fanotify;
  readonly #marks: FileMarks;
  #asked: AskedOpens | undefined;
  /**
   * Opened, but not known how: the kernel tells of an open before there is a descriptor, and soon
   * there may be none any more.
   */
  readonly #undecided = new Map<string, Undecided>();
  #timer: NodeJS.Timeout | undefined;
  /** Opens for writing that were told before the close. */
  readonly #reportedWrites = new Set<string>();
  /** The file systems of what was told last, by process, path and way. */
  readonly #lastReported = new Map<string, { readonly device: number; readonly at: number }>();
  #filtered = 0;
  #sent = 0;
  #gone = 0;

  /** Throws `KERNEL_…` where files cannot be watched. */
  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#group = new Fanotify((event) => this.#happened(event));
    try {
      this.#marks = new FileMarks(this.#group, options.onProblem);
    } catch (thrown) {
      this.#group.close();
      throw thrown;
    }
  }

  /** Undefined: no opens at all. Nothing is seen before the first call. */
  ask(asked: AskedOpens | undefined): void {
    this.#asked = asked;
    this.#marks.ask(asked === undefined ? 0 : maskOf(asked));
  }

  /** A process runs a program: it may have brought a mount namespace with it. */
  programStarted({ pid, cgroup }: Pick<Process, "pid" | "cgroup">): void {
    // What the process opened before is told of the program that it was.
    if (this.#undecided.size > 0) this.#decide(({ file }) => file.pid === pid);
    this.#marks.programStarted(pid, cgroup);
  }

  /**
   * Opens that no rule can match, those that were told, and those of processes that were gone, or
   * of files that cannot be opened a second time.
   */
  counts(): {
    readonly filtered: number;
    readonly sent: number;
    readonly gone: number;
    readonly overruns: number;
  } {
    return {
      filtered: this.#filtered,
      sent: this.#sent,
      gone: this.#gone + this.#group.unreadable,
      overruns: this.#group.overruns,
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#marks.close();
    this.#group.close();
  }

  #happened({ mask, pid, fd }: FileEvent): void {
    if (pid === this.#options.ownPid || pid === 0 || this.#asked === undefined) return;
    const isOpened = (mask & FILE_EVENT.OPEN) !== 0 && (mask & FILE_EVENT.OPEN_EXEC) === 0;
    const isWritten = (mask & FILE_EVENT.CLOSE_WRITE) !== 0;
    if (!isOpened && !isWritten) return;
    const linked = linkedFile(`/proc/self/fd/${fd}`);
    if (linked === undefined) {
      this.#gone += 1;
      return;
    }
    // What cannot pass whatever it is, is left here, before anything else is looked at.
    const { O_RDONLY, O_WRONLY, O_RDWR, O_DIRECTORY } = OPEN_FLAGS;
    const ways = isWritten ? [O_WRONLY] : [O_RDWR, O_RDONLY | O_DIRECTORY];
    if (!ways.some((flags) => this.#isAsked(linked.path, flags))) {
      this.#filtered += 1;
      return;
    }
    const stats = fstatSync(fd);
    const isSeen = leadsTo(pid, linked, stats);
    if (isSeen === false) return;
    const file = fileOf(pid, { linked, stats, isSure: isSeen === true });
    if (isWritten) this.#written(file, isOpened);
    else this.#opened(file);
  }

  #written(file: File, isOpened: boolean): void {
    const waiting = this.#undecided.get(file.key);
    this.#undecided.delete(file.key);
    if (waiting === undefined && !isOpened && this.#reportedWrites.has(file.key)) return;
    this.#report(file, { flags: OPEN_FLAGS.O_WRONLY, number: 0 }, waiting?.process);
  }

  #opened(file: File): void {
    if (this.#reportDescriptor(file)) return;
    // Not there yet, or no more. A read is told of the process as it is now.
    const isRead = this.#isAsked(file.path, OPEN_FLAGS.O_RDONLY | file.kind);
    const process = isRead ? this.#options.processOf(file.pid) : undefined;
    if (isRead && process === undefined) {
      this.#gone += 1;
      return;
    }
    if (this.#undecided.size >= MAX_UNDECIDED) this.#decide(() => true);
    this.#undecided.set(file.key, { process, file, since: performance.now() });
    this.#timer ??= setTimeout(() => this.#decideOld(), UNDECIDED_MS);
  }

  /** False when the process has the file not open. */
  #reportDescriptor(file: File, process?: Process): boolean {
    const descriptor = descriptorOfFile(file.pid, file.path);
    if (descriptor === undefined) return false;
    if ((descriptor.flags & OPEN_FLAGS.O_WRONLY) !== 0) remember(this.#reportedWrites, file.key);
    this.#report(file, descriptor, process);
    return true;
  }

  /** No close after writing has come. */
  #decide(which: (waiting: Undecided) => boolean): void {
    for (const [key, waiting] of this.#undecided) {
      if (!which(waiting)) continue;
      const { file, process } = waiting;
      this.#undecided.delete(key);
      if (!this.#reportDescriptor(file, process))
        this.#report(file, { flags: OPEN_FLAGS.O_RDONLY, number: 0 }, process);
    }
  }

  #decideOld(): void {
    const old = performance.now() - UNDECIDED_MS;
    this.#decide(({ since }) => since <= old);
    this.#timer =
      this.#undecided.size === 0 ? undefined : setTimeout(() => this.#decideOld(), UNDECIDED_MS);
  }

  #report(
    file: File,
    { flags, number }: Pick<FileOpen, "flags" | "number">,
    known: Process | undefined,
  ): void {
    const { path, device, inode, kind } = file;
    if (!this.#isAsked(path, flags | kind)) {
      this.#filtered += 1;
      return;
    }
    if (this.#isTwin(file, flags & OPEN_FLAGS.O_RDWR)) return;
    const process = known ?? this.#options.processOf(file.pid);
    if (process === undefined) {
      this.#gone += 1;
      return;
    }
    this.#sent += 1;
    this.#options.onOpen(process, { path, flags: flags | kind, number, device, inode });
  }

  #isAsked(path: string, flags: number): boolean {
    return this.#asked !== undefined && passes(this.#asked, path, flags);
  }

  /**
   * The same open once more, by the file system below an overlay: only what came last tells it of a
   * process that is gone.
   */
  #isTwin({ pid, path, device, isSure }: File, access: number): boolean {
    const key = `${pid} ${access} ${path}`;
    const last = this.#lastReported.get(key);
    if (
      !isSure &&
      last !== undefined &&
      last.device !== device &&
      performance.now() - last.at < TWIN_MS
    )
      return true;
    if (this.#lastReported.size >= MAX_REMEMBERED) this.#lastReported.clear();
    this.#lastReported.set(key, { device, at: performance.now() });
    return false;
  }
}

interface Undecided {
  readonly file: File;
  /** Who has opened it, if a rule asks for that as a read. */
  readonly process: Process | undefined;
  readonly since: number;
}

/** What is known of an event's file. */
interface File {
  readonly key: string;
  readonly pid: number;
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** O_DIRECTORY of a directory. */
  readonly kind: number;
  /** The process was seen to have it under this path. */
  readonly isSure: boolean;
}

function fileOf(
  pid: number,
  { linked, stats, isSure }: { linked: LinkedFile; stats: Stats; isSure: boolean },
): File {
  const { dev: device, ino: inode } = stats;
  return {
    key: `${pid} ${device} ${inode}`,
    pid,
    path: linked.path,
    device,
    inode,
    kind: stats.isDirectory() ? OPEN_FLAGS.O_DIRECTORY : 0,
    isSure,
  };
}

/** The events that rules can match at all. */
function maskOf(asked: AskedOpens): number {
  const reads = passes(asked, undefined, OPEN_FLAGS.O_RDONLY);
  const directories = passes(asked, undefined, OPEN_FLAGS.O_RDONLY | OPEN_FLAGS.O_DIRECTORY);
  const writes = passes(asked, undefined, OPEN_FLAGS.O_WRONLY);
  const { OPEN, OPEN_EXEC, CLOSE_WRITE, ON_DIRECTORY } = FILE_EVENT;
  if (directories) return OPEN | OPEN_EXEC | CLOSE_WRITE | ON_DIRECTORY;
  // A close after writing tells that the open before was not one for reading.
  return reads ? OPEN | OPEN_EXEC | CLOSE_WRITE : writes ? CLOSE_WRITE : 0;
}

function passes({ filter }: AskedOpens, path: string | undefined, flags: number): boolean {
  return filter === undefined || passesCallFilter(filter, { code: OPENAT, flags, result: 0, path });
}

function remember(keys: Set<string>, key: string): void {
  if (keys.size >= MAX_REMEMBERED) keys.clear();
  keys.add(key);
}

const OPENAT = eventType("openat").code;
/** A descriptor follows the event by less, and the close the descriptor's end. */
const UNDECIDED_MS = 10;
const MAX_UNDECIDED = 1024;
const TWIN_MS = 1000;
const MAX_REMEMBERED = 4096;
