import { ByteReader } from "../lib/byte-reader.ts";
import { AppError } from "../lib/errors.ts";
import { check, type DescriptorWatch, lastErrno, libc, watchDescriptor } from "../libc/libc.ts";

/**
 * What can be asked about files (include/uapi/linux/fanotify.h); an event has one or more of them.
 */
export const FILE_EVENT = {
  CLOSE_WRITE: 0x8,
  OPEN: 0x20,
  OPEN_EXEC: 0x1000,
  ON_DIRECTORY: 0x4000_0000,
} as const;

/** One event of fanotify(7): what was done, who did it, and a descriptor of the file. */
export interface FileEvent {
  /** Bits of FILE_EVENT: what the process did with the file since the last event of both. */
  readonly mask: number;
  /** 0 for a process that our own pid namespace does not hold. */
  readonly pid: number;
  /** The file, opened for us; open as long as the event is handled. -1 in an overflow. */
  readonly fd: number;
}

/**
 * A group of fanotify(7): events of the files on the file systems that are marked, in a queue that
 * the kernel bounds (16384 of them).
 */
export class Fanotify {
  readonly #fd: number;
  readonly #watch: DescriptorWatch;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** How a mark is set: for a file system (4.20), else for a mount. */
  readonly #scope: number;
  /** Whether a program that starts can be told from a file that is opened (5.0). */
  readonly #knowsPrograms: boolean;
  #overruns = 0;
  #unreadable = 0;

  /**
   * Throws `KERNEL_…` where the kernel has no fanotify, or without CAP_SYS_ADMIN in the host's
   * namespaces.
   */
  constructor(onEvent: (event: FileEvent) => void) {
    const group = libc.fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, EVENT_FD_FLAGS);
    this.#fd = check(group, "watch files", "it needs CAP_SYS_ADMIN, outside of containers");
    this.#scope = this.#takes(FAN_MARK_FILESYSTEM, FILE_EVENT.OPEN)
      ? FAN_MARK_FILESYSTEM
      : FAN_MARK_MOUNT;
    this.#knowsPrograms = this.#takes(this.#scope, FILE_EVENT.OPEN_EXEC);
    this.#watch = watchDescriptor(this.#fd);
    this.#watch.start(() => this.#drain(onEvent));
  }

  /** Times that the kernel's queue was full; how many events were lost it does not say. */
  get overruns(): number {
    return this.#overruns;
  }

  /** Events whose file could not be opened for us. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** One mark is for the whole file system, not for the mount alone. */
  get marksFileSystems(): boolean {
    return this.#scope === FAN_MARK_FILESYSTEM;
  }

  /**
   * Asks for these events of all files where the path leads to; what is marked already stays so.
   * Returns the error's name, undefined when it is done.
   */
  mark(path: string, mask: number): string | undefined {
    const known = this.#knowsPrograms ? mask : mask & ~FILE_EVENT.OPEN_EXEC;
    return libc.fanotify_mark(this.#fd, FAN_MARK_ADD | this.#scope, known, AT_FDCWD, path) === 0
      ? undefined
      : lastErrno();
  }

  /** Asks for nothing any more. */
  unmarkAll(): void {
    libc.fanotify_mark(this.#fd, FAN_MARK_FLUSH | this.#scope, 0, AT_FDCWD, "/");
  }

  close(): void {
    this.#watch.stop();
    this.#watch.close();
    libc.close(this.#fd);
  }

  #takes(scope: number, mask: number): boolean {
    const isTaken = libc.fanotify_mark(this.#fd, FAN_MARK_ADD | scope, mask, AT_FDCWD, "/") === 0;
    if (isTaken) libc.fanotify_mark(this.#fd, FAN_MARK_FLUSH | scope, 0, AT_FDCWD, "/");
    return isTaken;
  }

  /** Some milliseconds of events; the rest comes in the next turns of the loop. */
  #drain(onEvent: (event: FileEvent) => void): void {
    const until = performance.now() + TURN_MS;
    do {
      const length = Number(libc.read(this.#fd, this.#buffer, this.#buffer.length));
      if (length > 0) this.#handle(readFileEvents(this.#buffer.subarray(0, length)), onEvent);
      else if (lastErrno() === "EAGAIN") return;
      else this.#unreadable += 1;
    } while (performance.now() < until);
  }

  #handle(events: readonly FileEvent[], onEvent: (event: FileEvent) => void): void {
    const failures: unknown[] = [];
    for (const event of events) {
      try {
        if (event.fd >= 0) onEvent(event);
        else this.#overruns += 1;
      } catch (thrown) {
        failures.push(thrown);
      } finally {
        // INVARIANT: every event's descriptor is closed, whatever becomes of the event.
        if (event.fd >= 0) libc.close(event.fd);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/**
 * The events of one read(2). Throws `KERNEL_FANOTIFY` for what is cut short, or of another version.
 */
export function readFileEvents(bytes: Uint8Array): FileEvent[] {
  const events: FileEvent[] = [];
  const reader = new ByteReader(bytes, "KERNEL_FANOTIFY");
  while (reader.left > 0) {
    const length = reader.u32LE("event length");
    if (length < EVENT_BYTES)
      throw new AppError(
        "KERNEL_FANOTIFY",
        `Cannot read the events of files: one of ${length} bytes`,
      );
    const body = reader.sub(length - 4, "event");
    const version = body.u8("version");
    if (version !== FANOTIFY_METADATA_VERSION)
      throw new AppError("KERNEL_FANOTIFY", `Cannot read the events of files: version ${version}`);
    body.take(3, "lengths");
    const mask = body.u32LE("mask");
    body.take(4, "upper half of the mask");
    events.push({ mask, fd: body.u32LE("descriptor") | 0, pid: body.u32LE("process") });
  }
  return events;
}

const AT_FDCWD = -100;
const FAN_CLASS_NOTIF = 0;
const [FAN_CLOEXEC, FAN_NONBLOCK] = [1, 2];
const [FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_MARK_FLUSH, FAN_MARK_FILESYSTEM] = [1, 0x10, 0x80, 0x100];
const FANOTIFY_METADATA_VERSION = 3;
const EVENT_BYTES = 24;
const O_LARGEFILE = process.arch === "arm64" ? 0o400000 : 0o100000;
/** O_RDONLY, O_NONBLOCK (a named pipe is not to be waited for), O_NOATIME, O_CLOEXEC. */
const EVENT_FD_FLAGS = 0o4000 | 0o1000000 | 0o2000000 | O_LARGEFILE;
/** Some 170 events, each with a descriptor of its own. */
const READ_BYTES = 4096;
const TURN_MS = 5;
