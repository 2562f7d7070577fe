import type { Container } from "../containers/container.ts";
import type { Event } from "../events/event.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Process } from "./process.ts";
import type { Thread } from "./thread.ts";
import type { EventTimes } from "./timeline.ts";

/** Names of users and groups of the host, or of a container. */
export interface Accounts {
  userName(uid: number): string | undefined;
  userHome(uid: number): string | undefined;
  userShell(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
  /**
   * Names of these ids are being read now, and are there when the promise resolves, as far as they
   * will be; undefined when nothing more is to come. It never rejects, and resolves soon.
   */
  reading?(uid: number, gid: number): Promise<void> | undefined;
}

/** Who is an ancestor of whom. */
export interface Ancestry {
  get(pid: number): Process | undefined;
}

/** What a count or a sequence has seen once an event completed it. */
export interface Correlated {
  /** Matches that it is made of, the last one included. */
  readonly matches: number;
  /** From the first of them to the last, in nanoseconds. */
  readonly spanNs: number;
}

/**
 * An event and what surrounds it: all that a rule may ask about. Hot: the engine reuses one scene
 * for all events, so whoever keeps it beyond the callback freezes it (CurrentScene.freeze).
 */
export interface Scene {
  /**
   * Another number each time that a scene shows something else: what was read for one number holds
   * as long as it stands.
   */
  readonly generation: number;
  readonly event: Event;
  /** Undefined where events are shown one by one, not as a source's stream. */
  readonly times: EventTimes | undefined;
  /** The process that acted; undefined only for events that no process caused. */
  readonly process: Process | undefined;
  readonly processes: Ancestry;
  /** Undefined on the host. */
  readonly container: Container | undefined;
  /**
   * Another container of the host by its whole id: the sandbox of a pod. Undefined when it is not
   * known.
   */
  containerById(fullId: string): Container | undefined;
  /**
   * The host names that have an address, out of those that rules name, in alphabetical order; none
   * where nobody looks them up (captures).
   */
  hostNamesOf(address: Uint8Array): readonly string[];
  readonly accounts: Accounts;
  readonly hostname: string;
  /** What the event's descriptor is; computed when first asked. */
  readonly descriptor: Descriptor | undefined;
  /**
   * True while an opened file is shown by its own path, which the kernel tells, and not by the path
   * that was passed.
   */
  readonly isResolved: boolean;
  /** True while a path that was cut is taken for any: what compares paths may hold, whatever it says. */
  readonly isDoubtful: boolean;
  /** The other of these two paths; undefined where there is only one. */
  readonly otherName: string | undefined;
  /** Undefined but where the event has just completed a count or a sequence. */
  readonly correlated?: Correlated | undefined;
  /**
   * The thread that acted, where the source tells of threads and their descriptors (a capture);
   * undefined for a live one.
   */
  readonly thread: Thread | undefined;
  /**
   * The directory that a relative path of the event starts from: that of descriptor `dirfd`, else
   * the current one.
   */
  directoryOf(dirfd: number | undefined): string;
  /** Offset of local time from UTC at a moment, in minutes, east positive. */
  readonly utcOffsetMinutes: (epochMs: number) => number;
}
