import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import type { Event } from "../events/event.ts";
import type { Process } from "./process.ts";
import { isFork, PROCESS_CHANGES } from "./process-changes.ts";
import type { Ancestry } from "./scene.ts";

/** How many processes are kept, and how unknown ones are found. */
export interface ProcessTableOptions {
  /** The most processes kept; the oldest go first. */
  readonly capacity: number;
  /** Finds a process that no event has shown (its fork or exec was lost), for example in /proc. */
  readonly find: (pid: number) => Process | undefined;
  /**
   * How many may be found before the next `allowFinding`; without a number all. Beyond it, a
   * process is what its events say until `refresh` comes to it.
   */
  readonly findings?: number;
}

/**
 * Exited processes that are still remembered: events of their children may come later, since rings
 * are not in time order.
 */
const REMEMBERED_EXITS = 1024;

/** How far records of several processors may be out of order. */
const DISORDER_NS = 2_000_000_000n;

/** The tick in which /proc tells start times: two starts closer than this are one process. */
const START_TOLERANCE_NS = 20_000_000;

/**
 * All processes of the host, from a snapshot and the events after it. Hot: an event that changes
 * nothing about its process costs one lookup and some comparisons. Bounded by `capacity`; what is
 * forgotten early is counted in `evicted`.
 */
export class ProcessTable implements Ancestry {
  readonly #options: ProcessTableOptions;
  readonly #byPid = new Map<number, Process>();
  readonly #exited: Process[] = [];
  /** Processes that may have done what was lost; each is looked up once more. */
  readonly #stale = new Set<number>();
  /** Those of them that have acted since: they come first. */
  readonly #acted = new Set<number>();
  /** Those whose arguments could not be read, with the times that they are looked up again. */
  readonly #incomplete = new Map<number, number>();
  #findings: number;
  /** While events may come that are older than what was set before: epoch nanoseconds. */
  #snapshotAt: bigint | undefined;
  #evicted = 0;
  #found = 0;
  #refreshed = 0;

  constructor(options: ProcessTableOptions) {
    this.#options = options;
    this.#findings = options.findings ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#byPid.size;
  }

  /** Processes forgotten because the table was full. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Processes whose fork or exec was not seen and that had to be looked up. */
  get found(): number {
    return this.#found;
  }

  /** Processes that had become others while events were lost. */
  get refreshed(): number {
    return this.#refreshed;
  }

  /** Processes that are to be looked up again. */
  get stale(): number {
    return this.#stale.size;
  }

  /**
   * Events were lost: any process may have started another program since; or what was not told of
   * them is wanted now. Each is looked up again when it acts, as far as that may be, or by
   * `refresh`.
   */
  markStale(): void {
    for (const pid of this.#byPid.keys()) this.#stale.add(pid);
  }

  /** Looks up so many stale processes again, those that have acted first. */
  refresh(count: number): void {
    for (let left = count; left > 0 && this.#stale.size > 0;) {
      const pid = first(this.#acted) ?? first(this.#stale) ?? 0;
      this.#acted.delete(pid);
      if (!this.#stale.delete(pid)) continue;
      const process = this.#byPid.get(pid);
      if (process !== undefined) this.#lookedUpAgain(process, process.startBoot);
      left -= 1;
    }
  }

  /** From now on so many may be found again as they act. To be called a few times a second. */
  allowFinding(): void {
    this.#findings = this.#options.findings ?? Number.POSITIVE_INFINITY;
    for (const [pid, left] of this.#incomplete) {
      const process = this.#byPid.get(pid);
      if (left === 0 || process === undefined || !isIncomplete(process)) {
        this.#incomplete.delete(pid);
      } else {
        this.#incomplete.set(pid, left - 1);
        this.#stale.add(pid);
      }
    }
  }

  /** Adds what became known of a process's executable, unless it runs another one by now. */
  setExecutable(
    process: Process,
    facts: Pick<Process, "exeInode" | "exeCtime" | "exeMtime">,
  ): void {
    const known = this.#byPid.get(process.pid);
    if (
      known?.startBoot === process.startBoot &&
      known.exepath === process.exepath &&
      known.exeInode === 0
    )
      this.#byPid.set(process.pid, { ...known, ...facts });
  }

  get(pid: number): Process | undefined {
    return this.#byPid.get(pid);
  }

  values(): Iterable<Process> {
    return this.#byPid.values();
  }

  /** Enters or replaces a process: the snapshot at start, or what an event built. */
  set(process: Process): void {
    // A Map iterates in the order of insertion, so deleting first keeps the oldest entry at the
    // front.
    this.#byPid.delete(process.pid);
    if (this.#byPid.size >= this.#options.capacity) this.#evictOldest();
    this.#byPid.set(process.pid, process);
    if (isIncomplete(process) && !this.#incomplete.has(process.pid))
      this.#incomplete.set(process.pid, COMPLETIONS_MAX);
  }

  /**
   * What was set until now is what processes were at `time` (epoch nanoseconds). Events from before
   * may still come, of processes that ran another program then: they are shown as they were.
   */
  snapshotTaken(time: bigint): void {
    this.#snapshotAt = time;
  }

  /**
   * Brings the table to after `event` and returns the process that acted. Only events with a
   * context.
   */
  apply(event: Event): Process {
    const change = PROCESS_CHANGES[event.code];
    const known = this.#current(event);
    if (change === undefined) return known;
    const changed = change(known, event, this);
    if (changed !== known) this.set(changed);
    if (event.code === PROCEXIT) this.#exit(changed);
    return changed;
  }

  /**
   * The process of an event's context as it is now: known, brought up to date, or built from what
   * the context tells.
   */
  #current(event: Event): Process {
    const pid = event.contextU32(CONTEXT.pid);
    const startBoot = event.contextU64(CONTEXT.startTime);
    let process = this.#byPid.get(pid);
    if (process === undefined || Math.abs(process.startBoot - startBoot) > START_TOLERANCE_NS) {
      process = this.#unseen(event, pid, startBoot);
      this.set(process);
      return process;
    }
    if (this.#stale.size > 0 && this.#stale.has(pid)) {
      if (this.#mayFind()) {
        this.#stale.delete(pid);
        process = this.#lookedUpAgain(process, startBoot);
      } else this.#acted.add(pid);
    }
    if (this.#snapshotAt !== undefined && this.#wasAnother(process, event, this.#snapshotAt))
      return this.#derived(event, pid, startBoot);
    if (
      process.uid === event.contextU32(CONTEXT.uid) &&
      process.gid === event.contextU32(CONTEXT.gid) &&
      process.ppid === event.contextU32(CONTEXT.ppid) &&
      process.cgroup === event.contextU64(CONTEXT.cgroup) &&
      process.networkNamespace === event.contextU32(CONTEXT.networkNamespace)
    ) {
      return process;
    }
    process = { ...process, ...contextPart(event) };
    this.#byPid.set(pid, process);
    return process;
  }

  /**
   * The same process as the host tells of it now: its exec may have been lost. One that has ended
   * stays as it was.
   */
  #lookedUpAgain(known: Process, startBoot: number): Process {
    const found = this.#options.find(known.pid);
    if (found === undefined || Math.abs(found.startBoot - startBoot) > START_TOLERANCE_NS)
      return known;
    if (isIncomplete(found) && found.exepath === known.exepath) return known;
    if (
      found.exepath === known.exepath &&
      found.exe === known.exe &&
      found.args.join("\0") === known.args.join("\0")
    ) {
      if (known.env !== undefined) return known;
      const whole = { ...known, env: found.env };
      this.set(whole);
      return whole;
    }
    if (!isIncomplete(known)) this.#refreshed += 1;
    const process = { ...known, ...found, startBoot: known.startBoot };
    this.set(process);
    return process;
  }

  /**
   * A process whose fork was not seen, or whose pid belongs to a newer process than the one we
   * knew.
   */
  #unseen(event: Event, pid: number, startBoot: number): Process {
    const context = contextPart(event);
    const isBirth = isFork(event.code);
    this.#stale.delete(pid);
    if (!isBirth && this.#mayFind()) {
      this.#found += 1;
      const found = this.#options.find(pid);
      if (found !== undefined && Math.abs(found.startBoot - startBoot) <= START_TOLERANCE_NS)
        return { ...found, ...context, startBoot };
    } else if (!isBirth) {
      this.#stale.add(pid);
      this.#acted.add(pid);
    }
    return this.#derived(event, pid, startBoot);
  }

  /** What the event's context and its parent say of a process. */
  #derived(event: Event, pid: number, startBoot: number): Process {
    const context = contextPart(event);
    const parent = this.#byPid.get(context.ppid);
    const own = {
      pid,
      startBoot,
      startTime: event.timestamp,
      comm: this.#snapshotAt === undefined ? (parent?.comm ?? event.comm) : event.comm,
      resources: undefined,
    };
    const pidNamespaceStart =
      parent?.pidNamespace === context.pidNamespace ? parent.pidNamespaceStart : undefined;
    return { ...(parent ?? NOBODY), ...context, ...own, pidNamespaceStart };
  }

  /**
   * Whether the process ran another program when the event happened than when the snapshot was
   * taken: its main thread was called otherwise.
   */
  #wasAnother(process: Process, event: Event, snapshotAt: bigint): boolean {
    const { timestamp } = event;
    if (timestamp > snapshotAt + DISORDER_NS) this.#snapshotAt = undefined;
    return timestamp < snapshotAt && event.tid === process.pid && event.comm !== process.comm;
  }

  #mayFind(): boolean {
    if (this.#findings <= 0) return false;
    this.#findings -= 1;
    return true;
  }

  #exit(process: Process): void {
    this.#stale.delete(process.pid);
    this.#exited.push(process);
    if (this.#exited.length <= REMEMBERED_EXITS) return;
    const forgotten = this.#exited.shift();
    if (
      forgotten !== undefined &&
      this.#byPid.get(forgotten.pid)?.startBoot === forgotten.startBoot
    )
      this.#byPid.delete(forgotten.pid);
  }

  #evictOldest(): void {
    const oldest = this.#byPid.keys().next();
    if (oldest.done === true) return;
    this.#byPid.delete(oldest.value);
    this.#stale.delete(oldest.value);
    this.#evicted += 1;
  }
}

/** It runs a program, and with which arguments was not to be read at that moment. */
function isIncomplete({ exepath, exe, args }: Process): boolean {
  return exe === "" && exepath !== "" && args.length === 0;
}

/** So often, each time that more may be found. */
const COMPLETIONS_MAX = 20;

function first(pids: ReadonlySet<number>): number | undefined {
  return pids.keys().next().value;
}

/** What every event tells about its process. */
function contextPart(event: Event) {
  return {
    ppid: event.contextU32(CONTEXT.ppid),
    vpid: event.contextU32(CONTEXT.vpid),
    uid: event.contextU32(CONTEXT.uid),
    gid: event.contextU32(CONTEXT.gid),
    loginuid: event.contextU32(CONTEXT.loginuid),
    cgroup: event.contextU64(CONTEXT.cgroup),
    networkNamespace: event.contextU32(CONTEXT.networkNamespace),
    pidNamespace: event.contextU32(CONTEXT.pidNamespace),
  } as const;
}

const PROCEXIT = eventType("procexit").code;

/** A process of which nothing is known. */
export const NOBODY: Process = {
  pid: 0,
  ppid: 0,
  vpid: 0,
  vpgid: 0,
  pgid: 0,
  sid: 0,
  comm: "",
  exe: "",
  exepath: "",
  args: [],
  env: undefined,
  cwd: "/",
  tty: 0,
  uid: 0,
  gid: 0,
  loginuid: 0xffff_ffff,
  capPermitted: 0n,
  capEffective: 0n,
  capInheritable: 0n,
  exeFlags: 0,
  exeInode: 0,
  exeCtime: 0n,
  exeMtime: 0n,
  startBoot: 0,
  startTime: 0n,
  execTime: 0n,
  programMountNamespace: 0,
  cgroup: 0,
  networkNamespace: 0,
  pidNamespace: 0,
  pidNamespaceStart: undefined,
  resources: undefined,
};
