import type { OnRecord } from "../bpf/ring-buffer.ts";
import type { ExecutableReader } from "./executable-reader.ts";
import { type FileOpen, FileWatch } from "./file-watch.ts";
import type { KernelSource } from "./kernel-source.ts";
import { type Losses, NO_CUTS, NO_LOSSES } from "./losses.ts";
import type { Outcomes, ProbeCounters } from "./probe-counters.ts";
import { ProcConnector } from "./proc-connector.ts";
import type { ProcReader } from "./proc-snapshot.ts";
import type { CallFilter } from "../events/call-filter.ts";
import { encodeParams, encodeRecord, paramBytes } from "../events/encode.ts";
import { NOTICE } from "../events/record.ts";
import { CONTAINER_NEWS } from "../events/probe-events.ts";
import { eventType } from "../events/schema.ts";
import { messageOf } from "../lib/errors.ts";
import { encodeText } from "../lib/text.ts";
import { type FoundListener, scanSockets, withOwners } from "../ports/inventory-scan.ts";
import { cgroupPathOfProcess } from "../ports/socket-owners.ts";
import type { Process } from "../state/process.ts";
import { bindRecord, listenNotice, listenRecord, type ListenerFacts } from "./listening-records.ts";

/** From one look at the sockets to the next. */
const POLL_MS = 150;

/** Cgroups whose path was told. */
const MAX_CGROUPS = 4096;

/** Processes that are known after their end. */
const MAX_RECENT = 1024;

const EXECVE = eventType("execve");
const BIND = eventType("bind");
const LISTEN = eventType("listen");
const OPENAT = eventType("openat");

/** What watching without eBPF looks processes up with, and who hears its problems. */
export interface SocketsSourceOptions {
  readonly proc: Pick<ProcReader, "read" | "cgroupPath">;
  readonly executables: Pick<ExecutableReader, "of">;
  readonly ownPid: number;
  /** What cannot be seen, once. */
  readonly onProblem: (text: string) => void;
}

/**
 * The kernel without eBPF: which programs start (process connector), which sockets listen
 * (sock_diag in each network namespace, several times a second), and which files are
 * opened (fanotify). What a program that has ended at once was cannot be read any more: that is
 * counted as dropped.
 */
export class SocketsSource implements KernelSource {
  readonly variant = "sockets";
  readonly reportsListening = true;
  readonly #options: SocketsSourceOptions;
  readonly #known = new Map<
    string,
    { readonly listener: FoundListener; readonly facts: ListenerFacts }
  >();
  readonly #cgroups = new Set<number>();
  readonly #outcomes = new Map<number, { seen: number; sent: number; dropped: number }>();
  /**
   * By pid, as they were when they started their program: what has ended cannot be looked at any
   * more.
   */
  readonly #recent = new Map<number, Process>();
  readonly #files: FileWatch | undefined;
  #connector: ProcConnector | undefined;
  #enabled: ReadonlySet<number> = new Set();
  #callFilter: CallFilter | undefined;
  #isStarted = false;
  #notices = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #hasProblem = false;
  #onRecord: OnRecord = () => {};

  constructor(options: SocketsSourceOptions) {
    this.#options = options;
    const { ownPid, onProblem } = options;
    try {
      this.#files = new FileWatch({
        ownPid,
        onProblem,
        processOf: (pid) => this.#processOf(pid),
        onOpen: (process, open) => this.#opened(process, open),
      });
    } catch (thrown) {
      onProblem(`Files that are opened are not seen: ${messageOf(thrown)}`);
    }
  }

  /** The events that it sees. */
  get codes(): ReadonlySet<number> {
    const files = this.seesFiles ? [OPENAT.code] : [];
    return new Set([EXECVE.code, BIND.code, LISTEN.code, CONTAINER_NEWS, ...files]);
  }

  get seesFiles(): boolean {
    return this.#files !== undefined;
  }

  /** Resolves when what listens already was told. */
  async start(onRecord: OnRecord): Promise<void> {
    this.#onRecord = onRecord;
    try {
      this.#connector = new ProcConnector((pid) => this.#started(pid));
    } catch (thrown) {
      this.#options.onProblem(`Programs that start are not seen: ${messageOf(thrown)}`);
    }
    this.#isStarted = true;
    this.#askForFiles();
    await this.#poll(true);
  }

  setEnabled(codes: ReadonlySet<number>): void {
    this.#enabled = codes;
    this.#askForFiles();
  }

  setCallFilter(filter: CallFilter | undefined): void {
    this.#callFilter = filter;
    this.#askForFiles();
  }

  /** What is seen here is not asked for by who does it. */
  setHostCgroup(): void {}

  counters(): ProbeCounters {
    const byCode = new Map<number, Outcomes>(
      [...this.#outcomes].map(([code, counts]) => [code, { ...counts, filtered: 0 }]),
    );
    const { filtered, sent, gone } = this.#files?.counts() ?? NO_FILES;
    if (filtered + sent + gone > 0)
      byCode.set(OPENAT.code, { seen: filtered + sent + gone, filtered, sent, dropped: gone });
    const total = (what: "seen" | "sent"): number =>
      [...byCode.values()].reduce((sum, outcomes) => sum + outcomes[what], 0);
    return {
      seen: total("seen"),
      filtered,
      sent: total("sent"),
      dropped: this.losses(),
      cut: NO_CUTS,
      notices: this.#notices,
      byCode,
    };
  }

  losses(): Losses {
    const files = this.#files?.counts() ?? NO_FILES;
    const gone = (this.#outcomes.get(EXECVE.code)?.dropped ?? 0) + files.gone;
    return { ...NO_LOSSES, ringFull: (this.#connector?.overruns ?? 0) + files.overruns, gone };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#files?.close();
    this.#connector?.close();
    this.#connector = undefined;
  }

  async #poll(isFirst: boolean): Promise<void> {
    try {
      await this.#look(isFirst);
      this.#hasProblem = false;
    } catch (thrown) {
      if (!this.#hasProblem)
        this.#options.onProblem(`Cannot look at the listening sockets: ${messageOf(thrown)}`);
      this.#hasProblem = true;
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#poll(false), POLL_MS);
  }

  async #look(isFirst: boolean): Promise<void> {
    const { listeners } = await scanSockets();
    const now = new Set(listeners.map(keyOf));
    for (const [key, { listener, facts }] of this.#known) {
      if (now.has(key)) continue;
      this.#known.delete(key);
      this.#report(listenNotice(listener, facts, false));
    }
    const fresh = listeners.filter((listener) => !this.#known.has(keyOf(listener)));
    if (fresh.length === 0) return;
    for (const listener of await withOwners(fresh)) {
      if (this.#isClosed) return;
      // Where the holder cannot be seen, a process of the namespace tells the container.
      const process =
        listener.owner.pid === 0 ? undefined : this.#options.proc.read(listener.owner.pid);
      const cgroup = process?.cgroup ?? this.#options.proc.read(listener.pid)?.cgroup ?? 0;
      const facts = { process, cgroup, isFoundAtStart: isFirst };
      this.#known.set(keyOf(listener), { listener, facts });
      this.#reportCgroup(cgroup, listener.owner.cgroupPath);
      this.#report(listenNotice(listener, facts, true));
      this.#send(BIND.code, bindRecord(listener, facts));
      this.#send(LISTEN.code, listenRecord(listener, facts));
    }
  }

  /** A process has started a program. */
  #started(pid: number): void {
    if (pid === this.#options.ownPid || this.#isClosed) return;
    const process = this.#options.proc.read(pid);
    if (process === undefined || process.exepath === "") {
      const counts = this.#count(EXECVE.code);
      counts.seen += 1;
      counts.dropped += 1;
      return;
    }
    this.#remember(process);
    this.#files?.programStarted(process);
    this.#reportCgroupOf(process);
    void this.#sendExec(process);
  }

  /** Behind what its executable is: that may be on a file system that is slow to answer. */
  async #sendExec(process: Process): Promise<void> {
    const facts = await this.#options.executables.of(process);
    if (!this.#isClosed) this.#send(EXECVE.code, execRecord({ ...process, ...facts }));
  }

  #remember(process: Process): void {
    this.#recent.delete(process.pid);
    const oldest = this.#recent.size < MAX_RECENT ? undefined : this.#recent.keys().next().value;
    if (oldest !== undefined) this.#recent.delete(oldest);
    this.#recent.set(process.pid, process);
  }

  /** A process as it is now; one that has ended, as it started. */
  #processOf(pid: number): Process | undefined {
    const process = this.#options.proc.read(pid);
    return process === undefined || process.exepath === "" ? this.#recent.get(pid) : process;
  }

  #askForFiles(): void {
    // Before the start nobody takes them.
    if (this.#isStarted)
      this.#files?.ask(this.#enabled.has(OPENAT.code) ? { filter: this.#callFilter } : undefined);
  }

  #opened(process: Process, open: FileOpen): void {
    if (this.#isClosed) return;
    this.#reportCgroupOf(process);
    this.#hand(openRecord(process, open));
  }

  #reportCgroupOf({ pid, cgroup }: Process): void {
    if (!this.#cgroups.has(cgroup))
      this.#reportCgroup(cgroup, this.#options.proc.cgroupPath(cgroup) ?? cgroupPathOfProcess(pid));
  }

  #reportCgroup(cgroup: number, path: string): void {
    // The root's path is also what a process has that is gone: no container is missed without it.
    if (cgroup === 0 || path === "/" || this.#cgroups.has(cgroup)) return;
    if (this.#cgroups.size >= MAX_CGROUPS) this.#cgroups.clear();
    this.#cgroups.add(cgroup);
    const params = [paramBytes.number(cgroup, 8), paramBytes.text(path)];
    this.#report(
      encodeRecord(
        { pid: 0, tid: 0, ppid: 0, comm: "", cgroup },
        { timestamp: timeNow(), tid: 0, code: NOTICE.cgroup_mkdir, params },
      ),
    );
  }

  #report(notice: Uint8Array<ArrayBuffer>): void {
    this.#notices += 1;
    this.#hand(notice);
  }

  #send(code: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#enabled.has(code)) return;
    const counts = this.#count(code);
    counts.seen += 1;
    counts.sent += 1;
    this.#hand(bytes);
  }

  #hand(bytes: Uint8Array<ArrayBuffer>): void {
    this.#onRecord(bytes, new DataView(bytes.buffer), 0, bytes.length);
  }

  #count(code: number): { seen: number; sent: number; dropped: number } {
    const counts = this.#outcomes.get(code) ?? { seen: 0, sent: 0, dropped: 0 };
    this.#outcomes.set(code, counts);
    return counts;
  }
}

function keyOf({ namespace, inode }: Pick<FoundListener, "namespace" | "inode">): string {
  return `${namespace} ${inode}`;
}

function timeNow(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** An `execve` that succeeded, from what /proc says of the process now. */
function execRecord(process: Process): Uint8Array<ArrayBuffer> {
  const { pid, ppid, exe, args, comm, cwd, exepath } = process;
  const params = encodeParams(EXECVE, {
    res: 0,
    exe,
    args,
    tid: pid,
    pid,
    ptid: ppid,
    cwd,
    comm,
    ...(process.env === undefined ? {} : { env: process.env }),
    tty: process.tty,
    vpgid: process.vpgid,
    loginuid: process.loginuid,
    flags: process.exeFlags,
    cap_inheritable: process.capInheritable,
    cap_permitted: process.capPermitted,
    cap_effective: process.capEffective,
    exe_ino: process.exeInode,
    exe_ino_ctime: process.exeCtime,
    exe_ino_mtime: process.exeMtime,
    uid: process.uid,
    trusted_exepath: exepath,
    pgid: process.pgid,
    gid: process.gid,
    filename: exepath,
  });
  return encodeRecord(
    { ...process, tid: pid, startTime: process.startBoot, flags: 0 },
    { timestamp: timeNow(), tid: pid, code: EXECVE.code, params },
  );
}

/** An `openat` that succeeded. The path is absolute, so that its directory is of no meaning. */
function openRecord(
  process: Process,
  { path, flags, number, device, inode }: FileOpen,
): Uint8Array<ArrayBuffer> {
  const { pid } = process;
  const name = Uint8Array.of(...encodeText(path), 0);
  const params = encodeParams(OPENAT, {
    fd: number,
    dirfd: AT_FDCWD,
    name,
    flags,
    dev: device,
    ino: inode,
  });
  return encodeRecord(
    { ...process, tid: pid, startTime: process.startBoot, flags: 0 },
    { timestamp: timeNow(), tid: pid, code: OPENAT.code, params },
  );
}

/** As scap writes it. */
const AT_FDCWD = -100;

const NO_FILES = { filtered: 0, sent: 0, gone: 0, overruns: 0 };
