import type { OnRecord } from "../bpf/ring-buffer.ts";
import type { KernelSource } from "../capture/kernel-source.ts";
import { type Losses, NO_LOSSES } from "../capture/losses.ts";
import type { Outcomes, ProbeCounters } from "../capture/probe.ts";
import { ProcConnector } from "../capture/proc-connector.ts";
import type { ProcReader } from "../capture/proc-snapshot.ts";
import { encodeParams, encodeRecord, paramBytes } from "../events/encode.ts";
import { NOTICE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { messageOf } from "../lib/errors.ts";
import { type FoundListener, scanSockets, withOwners } from "../ports/inventory-scan.ts";
import { cgroupPathOfProcess } from "../ports/socket-owners.ts";
import type { Process } from "../state/process.ts";
import { listenNotice, listenRecord, type ListenerFacts } from "./listening-records.ts";

/** From one look at the sockets to the next. */
const POLL_MS = 150;

/** Cgroups whose path was told. */
const MAX_CGROUPS = 4096;

const EXECVE = eventType("execve");
const LISTEN = eventType("listen");

/** The events that it sees. */
export const SOCKETS_SOURCE_CODES: ReadonlySet<number> = new Set([EXECVE.code, LISTEN.code]);

export interface SocketsSourceOptions {
  readonly proc: Pick<ProcReader, "read">;
  readonly ownPid: number;
  /** What cannot be seen, once. */
  readonly onProblem: (text: string) => void;
}

/**
 * The kernel without eBPF: which programs start (process connector), and which sockets listen (sock_diag in each network namespace, several times a second).
 * What a program that has ended at once was cannot be read any more: that is counted as dropped.
 */
export class SocketsSource implements KernelSource {
  readonly variant = "sockets";
  readonly tellsListening = true;
  readonly #options: SocketsSourceOptions;
  readonly #known = new Map<string, { readonly listener: FoundListener; readonly facts: ListenerFacts }>();
  readonly #cgroups = new Set<number>();
  readonly #outcomes = new Map<number, { seen: number; sent: number; dropped: number }>();
  #connector: ProcConnector | undefined;
  #enabled: ReadonlySet<number> = new Set();
  #notices = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #hasProblem = false;
  #onRecord: OnRecord = () => {};

  constructor(options: SocketsSourceOptions) {
    this.#options = options;
  }

  /** Resolves when what listens already was told. */
  async start(onRecord: OnRecord): Promise<void> {
    this.#onRecord = onRecord;
    try {
      this.#connector = new ProcConnector((pid) => this.#started(pid));
    } catch (thrown) {
      this.#options.onProblem(`Programs that start are not seen: ${messageOf(thrown)}`);
    }
    await this.#poll(true);
  }

  setEnabled(codes: ReadonlySet<number>): void {
    this.#enabled = codes;
  }

  /** Nothing that could be filtered is seen. */
  setCallFilter(): void {}

  setHostCgroup(): void {}

  counters(): ProbeCounters {
    const byCode = new Map<number, Outcomes>([...this.#outcomes].map(([code, counts]) => [code, { ...counts, filtered: 0 }]));
    const total = (what: "seen" | "sent"): number => [...byCode.values()].reduce((sum, outcomes) => sum + outcomes[what], 0);
    return { seen: total("seen"), filtered: 0, sent: total("sent"), dropped: this.losses(), truncated: 0, notices: this.#notices, byCode };
  }

  losses(): Losses {
    const gone = this.#outcomes.get(EXECVE.code)?.dropped ?? 0;
    return { ...NO_LOSSES, ringFull: this.#connector?.overruns ?? 0, gone };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#connector?.close();
    this.#connector = undefined;
  }

  async #poll(isFirst: boolean): Promise<void> {
    try {
      await this.#look(isFirst);
      this.#hasProblem = false;
    } catch (thrown) {
      if (!this.#hasProblem) this.#options.onProblem(`Cannot look at the listening sockets: ${messageOf(thrown)}`);
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
      this.#tell(listenNotice(listener, facts, false));
    }
    const fresh = listeners.filter((listener) => !this.#known.has(keyOf(listener)));
    if (fresh.length === 0) return;
    for (const listener of await withOwners(fresh)) {
      if (this.#isClosed) return;
      // Where the holder cannot be seen, a process of the namespace tells the container.
      const process = listener.owner.pid === 0 ? undefined : this.#options.proc.read(listener.owner.pid);
      const cgroup = process?.cgroup ?? this.#options.proc.read(listener.pid)?.cgroup ?? 0;
      const facts = { process, cgroup, isFoundAtStart: isFirst };
      this.#known.set(keyOf(listener), { listener, facts });
      this.#tellCgroup(cgroup, listener.owner.cgroupPath);
      this.#tell(listenNotice(listener, facts, true));
      this.#send(LISTEN.code, listenRecord(listener, facts));
    }
  }

  /** A process has started a program. */
  #started(pid: number): void {
    if (pid === this.#options.ownPid || this.#isClosed) return;
    const process = this.#options.proc.read(pid);
    if (process === undefined) {
      const counts = this.#count(EXECVE.code);
      counts.seen += 1;
      counts.dropped += 1;
      return;
    }
    this.#tellCgroup(process.cgroup, cgroupPathOfProcess(pid));
    this.#send(EXECVE.code, execRecord(process));
  }

  #tellCgroup(cgroup: number, path: string): void {
    if (cgroup === 0 || this.#cgroups.has(cgroup)) return;
    if (this.#cgroups.size >= MAX_CGROUPS) this.#cgroups.clear();
    this.#cgroups.add(cgroup);
    const params = [paramBytes.number(cgroup, 8), paramBytes.text(path)];
    this.#tell(encodeRecord({ pid: 0, tid: 0, ppid: 0, comm: "", cgroup }, { timestamp: timeNow(), tid: 0, code: NOTICE.cgroup_mkdir, params }));
  }

  #tell(notice: Uint8Array<ArrayBuffer>): void {
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
    res: 0, exe, args, tid: pid, pid, ptid: ppid, cwd, comm, tty: process.tty, vpgid: process.vpgid, loginuid: process.loginuid, flags: process.exeFlags,
    cap_inheritable: process.capInheritable, cap_permitted: process.capPermitted, cap_effective: process.capEffective,
    exe_ino: process.exeInode, exe_ino_ctime: process.exeCtime, exe_ino_mtime: process.exeMtime, uid: process.uid, trusted_exepath: exepath, pgid: process.pgid, gid: process.gid, filename: exepath,
  });
  return encodeRecord({ ...process, tid: pid, startTime: process.startBoot, flags: 0 }, { timestamp: timeNow(), tid: pid, code: EXECVE.code, params });
}
