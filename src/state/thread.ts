import type { Event } from "../events/event.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Process } from "./process.ts";

/**
 * A thread as events alone make it known (a capture). Its `process` holds what rules ask of it;
 * where threads of one process differ (name, credentials), each has its own.
 */
export interface Thread {
  readonly tid: number;
  /** Id in its own pid namespace, -1 when nothing told. */
  vtid: number;
  process: Process;
  /** Bits of CLONE_FLAGS. */
  flags: number;
  readonly group: ThreadGroup;
  /** No event and no list told of it but its own events: nearly nothing is known. */
  isUnknown: boolean;
  /** It has exited, and stays for what others share with it. */
  hasExited: boolean;
  /** Threads whose `ppid` this one is. */
  readonly children: Set<Thread>;
  /**
   * The enter event of the call that it is in, where that is shown: its paths are those of the
   * moment before the call.
   */
  entered: Event | undefined;
}

/** What the threads of a process share. */
export interface ThreadGroup {
  readonly pid: number;
  readonly threads: Map<number, Thread>;
  /** How many threads have not exited. */
  alive: number;
  descriptors: Map<number, Descriptor>;
  /** `subsystem=path`. */
  cgroups: readonly string[];
  /**
   * Adopts the children of its descendants: it asked to (prctl PR_SET_CHILD_SUBREAPER), or leads a
   * pid namespace.
   */
  isReaper: boolean;
}

/** The thread that leads its process; undefined when it has exited before the others. */
export function leaderOf(thread: Thread): Thread | undefined {
  return isLeader(thread) ? thread : thread.group.threads.get(thread.group.pid);
}

/** Threads that live, the leader left out. */
export function furtherThreads({ group }: Thread): number {
  const leader = group.threads.get(group.pid);
  return group.alive - (leader === undefined || leader.hasExited || leader.isUnknown ? 0 : 1);
}

/** True for the thread that a process began with. */
export function isLeader(thread: Thread): boolean {
  return thread.tid === thread.group.pid;
}
