import type { Event } from "../events/event.ts";
import type { Descriptor } from "./descriptor.ts";
import { descriptorOfEntry } from "./entry-descriptor.ts";
import { processOfEntry } from "./entry-process.ts";
import { EVENT_EFFECTS, NO_PARAM } from "./event-effects.ts";
import { HostAddresses } from "./host-addresses.ts";
import type { HostEntries, ThreadEntry } from "./host-entries.ts";
import { UNKNOWN_DIRECTORY } from "./path.ts";
import { RecentExits } from "./_recent-exits.ts";
import type { Process } from "./process.ts";
import type { Ancestry } from "./scene.ts";
import { isLeader, leaderOf, type Thread, type ThreadGroup } from "./thread.ts";
import { unknownDescriptor } from "./unknown-descriptor.ts";
import { NO_THREAD, UNKNOWN_PROCESS } from "./unknown-thread.ts";

/** How many threads are kept. */
export interface ThreadTableOptions {
  /** The most threads kept; a thread beyond them is known by its own events alone. */
  readonly capacity: number;
}

interface ThreadIds {
  readonly tid: number;
  readonly vtid: number;
  /** Bits of CLONE_FLAGS. */
  readonly flags: number;
  readonly isUnknown?: boolean;
}

/** How many descriptors a process may have: the kernel's own ceiling is 2^20. */
const MAX_DESCRIPTORS = 1 << 20;

/** What an event type does to its thread, the descriptors of its process, and the table. */
export type Change = (table: ThreadTable, thread: Thread, event: Event) => void;

/**
 * All threads of a host as a list at the start and the events after it tell them: the state of a
 * capture, where nothing else can be asked. Hot: an event that changes nothing costs a lookup, and
 * one more for its descriptor. The rules of the changes are the real engine's (libs,
 * userspace/libsinsp/parsers.cpp), so that fields answer as there.
 */
export class ThreadTable implements Ancestry {
  /** The thread and the descriptor that the event applied last is about. */
  thread: Thread | undefined;
  descriptor: Descriptor | undefined;
  /** Start of the host, nanoseconds since the Unix epoch; 0 when nothing told. */
  bootTime = 0n;
  /** Of the host's interfaces; none when nothing told. */
  addresses = new HostAddresses([]);
  readonly #options: ThreadTableOptions;
  readonly #byTid = new Map<number, Thread>();
  #leaving: Thread | undefined;
  readonly recentExits = new RecentExits();
  #reaper = 0;
  #closing: number | undefined;
  #named: Descriptor | undefined;
  /** The thread of the event before, while it is in the table: the next is often its, too. */
  #last: Thread | undefined;
  #refused = 0;

  constructor(options: ThreadTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byTid.size;
  }

  /** Threads that had no room. */
  get refused(): number {
    return this.#refused;
  }

  get(tid: number): Process | undefined {
    return this.#byTid.get(tid)?.process;
  }

  find(tid: number): Thread | undefined {
    return this.#byTid.get(tid);
  }

  /** Takes the list of a capture in place of all that was known. */
  enter({ machine, threads, descriptors, interfaces }: HostEntries): void {
    this.#byTid.clear();
    this.#last = undefined;
    this.#leaving = undefined;
    this.#closing = undefined;
    this.bootTime = machine?.bootTime ?? 0n;
    this.addresses = new HostAddresses(interfaces);
    // Leaders first, so that their threads find their groups.
    for (const isLeader of [true, false])
      for (const entry of threads)
        if ((entry.tid === entry.pid) === isLeader) this.#enterThread(entry, descriptors);
    // A parent may stand behind its children in the list.
    for (const thread of this.#byTid.values()) this.#findParent(thread);
  }

  /**
   * Threads of which nothing is known are nobody's parent: 0 stands in their place. Init keeps what
   * it was told with.
   */
  #findParent(thread: Thread): void {
    if (thread.isUnknown || thread.process.pid === 1) return;
    const parent = this.#byTid.get(thread.process.ppid);
    if (parent !== undefined && !parent.isUnknown) parent.children.add(thread);
    else if (thread.process.ppid !== 0) thread.process = { ...thread.process, ppid: 0 };
  }

  #enterThread(entry: ThreadEntry, descriptors: HostEntries["descriptors"]): void {
    const thread = this.#put(processOfEntry(entry), {
      tid: entry.tid,
      vtid: entry.vtid,
      flags: entry.flags,
    });
    // Only the list of the leader counts: threads share their descriptors.
    if (!isLeader(thread)) return;
    thread.group.cgroups = entry.cgroups;
    thread.group.isReaper = entry.pid === 1 || entry.vpid === 1;
    const isLocal = (address: Uint8Array): boolean => this.addresses.isLocal(address);
    for (const one of (descriptors.get(entry.tid) ?? []).slice(0, MAX_DESCRIPTORS))
      thread.group.descriptors.set(one.number, descriptorOfEntry(one, isLocal));
  }

  /** Brings the table to after `event`, and sets `thread` and `descriptor` to what it is about. */
  apply(event: Event): void {
    if (this.#leaving !== undefined) this.#finishLeaving();
    if (this.#closing !== undefined) this.#finishClosing();
    this.descriptor = undefined;
    if (this.#named !== undefined) this.#nameIsOld(this.#named);
    const effect = EVENT_EFFECTS[event.code];
    if (effect === undefined) {
      this.thread = undefined;
      if (KEPT_ENTERS.has(event.code)) this.#keepEnter(event);
      return;
    }
    if (effect.lookup !== "own") {
      this.thread = effect.lookup === "none" ? undefined : this.#byTid.get(event.tid);
      if (this.thread !== undefined) effect.change?.(this, this.thread, event);
      else if (effect.lookup === "clone") effect.change?.(this, NO_THREAD, event);
      return;
    }
    const { tid } = event;
    const last = this.#last;
    const thread =
      last !== undefined && last.tid === tid
        ? last
        : (this.#byTid.get(tid) ?? this.addUnknown(tid));
    this.#last = thread;
    this.thread = thread;
    if (effect.descriptorParam !== NO_PARAM) {
      const number = effect.descriptorParam >= 0 ? (event.int(effect.descriptorParam) ?? -1) : -1;
      this.descriptor =
        (number < 0 ? undefined : thread.group.descriptors.get(number)) ??
        unknownDescriptor(event, number);
    }
    if (effect.change !== undefined) effect.change(this, thread, event);
    if (thread.entered !== undefined) thread.entered = undefined;
  }

  /**
   * The enter event of the call whose exit is `event`, when the two follow each other in their
   * thread.
   */
  enterOf(thread: Thread, event: Event): Event | undefined {
    const { entered } = thread;
    if (entered === undefined) return undefined;
    return entered.code === event.code - 1 ||
      (entered.code === EXECVEAT_ENTER && event.code === EXECVE_EXIT)
      ? entered
      : undefined;
  }

  /** Adds a thread, in place of one of the same id; threads of one pid share their group. */
  add(process: Process, ids: ThreadIds): Thread {
    const thread = this.#put(process, ids);
    this.#findParent(thread);
    return thread;
  }

  #put(process: Process, { tid, vtid, flags, isUnknown = false }: ThreadIds): Thread {
    const replaced = this.#byTid.get(tid);
    if (replaced !== undefined) this.#drop(replaced);
    const leader = tid === process.pid ? undefined : this.#byTid.get(process.pid);
    const group: ThreadGroup = leader?.group ?? {
      pid: process.pid,
      threads: new Map(),
      alive: 0,
      descriptors: new Map(),
      cgroups: [],
      isReaper: tid === process.pid && (process.pid === 1 || process.vpid === 1),
    };
    const thread: Thread = {
      tid,
      vtid,
      process,
      flags,
      group,
      isUnknown,
      hasExited: false,
      children: new Set(replaced?.children),
      entered: undefined,
    };
    this.#last = undefined;
    if (this.#byTid.size >= this.#options.capacity) {
      this.#refused += 1;
      return thread;
    }
    group.threads.set(tid, thread);
    if (!isUnknown) group.alive += 1;
    this.#byTid.set(tid, thread);
    return thread;
  }

  /**
   * The thread goes before the next event: this one still shows it. `reaper` adopts its children, 0
   * when the event does not tell who.
   */
  leave(thread: Thread, reaper: number): void {
    if (!thread.hasExited && !thread.isUnknown) thread.group.alive -= 1;
    thread.hasExited = true;
    this.#leaving = thread;
    this.#reaper = reaper;
  }

  /** A program has started: what it does not get is gone. */
  closeOnExec({ group }: Thread): void {
    for (const [number, { closedOnExec }] of group.descriptors)
      if (closedOnExec === true) group.descriptors.delete(number);
  }

  /** A descriptor goes before the next event. */
  close(number: number): void {
    this.#closing = number;
  }

  /**
   * A program takes the place of all threads of its process: `thread` goes on, and its leader, should
   * the kernel not have given it the leader's id. A leader that had exited lives again.
   */
  removeOthers(thread: Thread): void {
    const { group } = thread;
    if (thread.hasExited) {
      thread.hasExited = false;
      group.alive += 1;
    }
    if (group.alive <= 1) return;
    for (const other of group.threads.values())
      if (other !== thread && !isLeader(other)) this.#remove(other, 0);
  }

  /** Changes what the threads of one process have in common. */
  changeGroup(thread: Thread, change: Partial<Process>): void {
    for (const one of thread.group.threads.values()) one.process = { ...one.process, ...change };
    if (!thread.group.threads.has(thread.tid)) thread.process = { ...thread.process, ...change };
  }

  /**
   * The directory that a relative path starts from, with its closing `/`: the current one, or that
   * of a descriptor.
   */
  directoryOf(thread: Thread, dirfd: number | undefined): string {
    if (dirfd === undefined || dirfd === AT_FDCWD) return (leaderOf(thread) ?? thread).process.cwd;
    const name = thread.group.descriptors.get(dirfd)?.name;
    if (name === undefined) return UNKNOWN_DIRECTORY;
    return name.endsWith("/") ? name : `${name}/`;
  }

  /** Opens `descriptor` for the process of `thread`, and shows it. */
  open(thread: Thread, descriptor: Descriptor): void {
    const { descriptors } = thread.group;
    const number = descriptor.number ?? -1;
    this.descriptor = descriptor;
    if (number < 0) return;
    if (descriptors.size >= MAX_DESCRIPTORS && !descriptors.has(number)) return;
    descriptors.set(number, descriptor);
    if (descriptor.nameChanged) this.#named = descriptor;
  }

  /** A thread that nothing told of. */
  addUnknown(tid: number): Thread {
    return this.add(UNKNOWN_PROCESS, { tid, vtid: -1, flags: 0, isUnknown: true });
  }

  #keepEnter(event: Event): void {
    const thread = this.#byTid.get(event.tid) ?? this.addUnknown(event.tid);
    thread.entered = event.copy();
  }

  /**
   * Only the event that gives a descriptor its name shows it as changed. Hot: changed where it is.
   */
  #nameIsOld(named: { nameChanged: boolean }): void {
    named.nameChanged = false;
    this.#named = undefined;
  }

  #finishClosing(): void {
    if (this.#closing !== undefined) this.thread?.group.descriptors.delete(this.#closing);
    this.#closing = undefined;
  }

  #finishLeaving(): void {
    const thread = this.#leaving;
    this.#leaving = undefined;
    if (thread === undefined || this.#byTid.get(thread.tid) !== thread) return;
    this.#remove(thread, this.#reaper);
  }

  /** `reaper` adopts its children, 0 when nothing told who. */
  #remove(thread: Thread, reaper: number): void {
    const { group } = thread;
    if (!thread.hasExited && !thread.isUnknown) group.alive -= 1;
    thread.hasExited = true;
    if (thread.children.size > 0) this.#reparent(thread, reaper);
    // A leader stays for what its threads share with it, until the last of them goes.
    if (!isLeader(thread) || group.alive <= 0) this.#drop(thread);
    if (group.alive <= 0) for (const other of group.threads.values()) this.#drop(other);
  }

  /**
   * The children of a thread that goes get another parent: who the kernel says, a thread of the
   * same process, or the nearest reaper. Another process that adopts is a reaper from then on.
   */
  #reparent(thread: Thread, reaper: number): void {
    const told = reaper > 0 ? this.#byTid.get(reaper) : undefined;
    const parent =
      (told?.isUnknown === true ? undefined : told) ??
      aliveThreadOf(thread.group, thread) ??
      this.#reaperAbove(thread);
    for (const child of thread.children) {
      if (child.process.ppid !== thread.tid) continue;
      child.process = { ...child.process, ppid: parent?.tid ?? 0 };
      parent?.children.add(child);
    }
    thread.children.clear();
    if (parent !== undefined && parent.group !== thread.group) parent.group.isReaper = true;
  }

  #reaperAbove(thread: Thread): Thread | undefined {
    const isInNamespace = thread.tid !== thread.vtid;
    const seen = new Set<Thread>([thread]);
    for (
      let next = this.#byTid.get(thread.process.ppid);
      next !== undefined && !seen.has(next);
      next = this.#byTid.get(next.process.ppid)
    ) {
      if ((next.tid !== next.vtid) !== isInNamespace) return undefined;
      const reaper = next.group.isReaper ? aliveThreadOf(next.group) : undefined;
      if (reaper !== undefined) return reaper;
      seen.add(next);
    }
    return undefined;
  }

  #drop(thread: Thread): void {
    this.#last = undefined;
    if (this.#byTid.get(thread.tid) === thread) this.#byTid.delete(thread.tid);
    if (thread.group.threads.get(thread.tid) === thread) thread.group.threads.delete(thread.tid);
    this.#byTid.get(thread.process.ppid)?.children.delete(thread);
  }
}

function aliveThreadOf({ threads }: ThreadGroup, but?: Thread): Thread | undefined {
  for (const other of threads.values()) if (other !== but && !other.hasExited) return other;
  return undefined;
}

/** fcntl.h: a relative path starts at the current directory. */
const AT_FDCWD = -100;

/** Enter events that are shown: open, connect, creat, execve, openat, openat2, execveat. */
const KEPT_ENTERS: ReadonlySet<number> = new Set([2, 22, 58, 292, 306, 326, 330]);
const EXECVEAT_ENTER = 330;
const EXECVE_EXIT = 293;
