import { setImmediate as turn } from "node:timers/promises";
import { OPEN_PORT_TAG } from "../alerts/alert.ts";
import { AccountsReader } from "../capture/accounts-reader.ts";
import { ExecutableReader } from "../capture/executable-reader.ts";
import type { CgroupKey, KernelSource } from "../capture/kernel-source.ts";
import { type InheritedProbe, openProbe } from "../capture/probe.ts";
import { ProcReader } from "../capture/proc-snapshot.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT, NOTICE } from "../events/record.ts";
import { type BaseSyscalls, wantedCalls } from "../rules/selected-calls.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import type { NewsBody } from "../news/news.ts";
import type { Alerting, RuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import type { Process } from "../state/process.ts";
import { PROCESS_EVENT_CODES } from "../state/process-changes.ts";
import { ProcessTable } from "../state/process-table.ts";
import { FileReader } from "../untrusted/file-reader.ts";
import { containerNews } from "./contained-events.ts";
import { DropWatch, type DropWatchOptions, type Loss } from "./drop-watch.ts";
import { HostNames } from "../capture/host-names.ts";
import type { HostPorts } from "./host-ports.ts";
import { HostReconcile, RECONCILE_TICK_MS } from "./host-reconcile.ts";
import { type ContainerLoss, lossesByContainer } from "./losses-by-container.ts";
import { type ListeningRecord, listeningRecords, recordsOf } from "../capture/listening-records.ts";
import type { MatchCaptures } from "./match-captures.ts";
import { Pipeline } from "./pipeline.ts";
import { FINDINGS, ProcessRefresh, TICK_MS } from "./process-refresh.ts";
import { SocketsSource } from "../capture/sockets-source.ts";

/** What the running kernel is watched with: rules, source, sizes in bytes, and who hears of it. */
export interface LiveWatchOptions {
  readonly rules: RuleSet;
  readonly containers: ContainerRegistry;
  readonly hostname: string;
  readonly ringBytes: number;
  /** Which calls are sent beside those that rules ask for, and which are not whoever asks. */
  readonly baseSyscalls: BaseSyscalls;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  /** A probe that was loaded before. */
  readonly inherited?: InheritedProbe | undefined;
  /** Of this process, as the host calls it. */
  readonly ownPid: number;
  /** Who is not root sees too little of other processes to watch without eBPF. */
  readonly isRoot: boolean;
  /** `auto`: eBPF, and where the kernel does not take it sockets and processes. */
  readonly source: "auto" | "ebpf" | "sockets";
  /** `time`: epoch nanoseconds, where it is not now. */
  readonly publish: (body: NewsBody, time?: bigint) => void;
  readonly ports: HostPorts;
  /** A rule matched, and what it says is news; the scene changes with the next event. */
  readonly onAlert: (rule: Alerting, scene: CurrentScene) => void;
  readonly drops: Pick<DropWatchOptions, "threshold" | "rate"> & {
    readonly onLoss: (loss: Loss) => void;
  };
  /** Undefined when matches are not captured. */
  readonly captures?: MatchCaptures | undefined;
}

/** The most processes kept; a process takes about a kilobyte. */
const MAX_PROCESSES = 65_536;

/** So long a process may look like what it was before a lost exec; at rest little is lost. */
const DROP_CHECK_MS = 250;
const DROP_CHECK_AT_REST_MS = 2000;

/**
 * How long an alert waits for its container's name: what hangs is given up sooner by who asks, a
 * busy machine that starts many containers at once needs this long.
 */
const METADATA_PATIENCE_MS = 3000;

const SOCKETS_A_TURN = 64;

/** So many are kept of each network namespace, to open it by. */
const PROCESSES_OF_NAMESPACE = 8;

/** The running kernel as the source: probe → state → rules → alerts, and the ports that open. */
export class LiveWatch {
  readonly #options: LiveWatchOptions;
  readonly #processes: ProcessTable;
  readonly #pipeline: Pipeline;
  readonly #probe: KernelSource;
  readonly #hostNames: HostNames;
  readonly #proc = new ProcReader();
  readonly #files: FileReader;
  readonly #accounts: AccountsReader;
  readonly #executables: ExecutableReader;
  readonly #refresh: ProcessRefresh;
  readonly #reconcile: HostReconcile;
  readonly #drops: DropWatch;
  #refreshTimer: NodeJS.Timeout | undefined;
  #dropTimer: NodeJS.Timeout | undefined;
  readonly #repeated: SharedInterval[] = [];
  /** Whether the processes that started since have told theirs. */
  #knowsEnvironment = true;
  #isClosed = false;

  /** Loads and attaches the probe. Throws `KERNEL_…` where that cannot be. */
  constructor(options: LiveWatchOptions) {
    this.#options = options;
    const proc = this.#proc;
    const onProblem = (text: string): void => options.publish({ kind: "problem", text });
    const now = (): number => performance.now();
    this.#files = new FileReader({ onProblem });
    this.#accounts = new AccountsReader({ files: this.#files, onProblem, now });
    this.#executables = new ExecutableReader({ files: this.#files });
    this.#processes = new ProcessTable({
      capacity: MAX_PROCESSES,
      findings: FINDINGS,
      find: (pid) => this.#withExecutable(proc.read(pid)),
    });
    this.#refresh = new ProcessRefresh({ table: this.#processes, now });
    this.#reconcile = this.#reconcileWith(onProblem);
    this.#drops = new DropWatch({
      ...options.drops,
      counters: () => this.#probe.counters(),
      losses: () => this.#probe.losses(),
      onLost: () => {
        this.#refresh.lost();
        this.#reconcile.lost();
      },
      now,
    });
    this.#hostNames = new HostNames({ onProblem });
    this.#pipeline = new Pipeline({
      ...options,
      processes: this.#processes,
      containerOf: (cgroup, pidNamespace) => options.containers.byCgroup(cgroup, pidNamespace),
      containerById: (fullId) => options.containers.byId(fullId),
      hostNamesOf: (address) => this.#hostNames.namesOf(address),
      isListening: (namespace, port) => options.ports.isListening(namespace, port),
      accountsOf: (container, pid) => this.#accounts.of(container, pid),
      whenSettled: (container) => options.containers.whenSettled(container, METADATA_PATIENCE_MS),
      onEvent:
        options.captures === undefined ? undefined : (event) => options.captures?.event(event),
      onMatch: (rule, scene) => this.#matched(rule, scene),
      onNotice: (event) => this.#notice(event),
      onFailure: (thrown) =>
        onProblem(`A record made the engine fail: ${messageOf(thrown)}; further ones are counted`),
    });
    this.#probe = openSource(options, { proc, executables: this.#executables, onProblem });
    this.#enableEvents(options.rules);
    this.#hostNames.use(options.rules.hostNames);
    // Attached first, read second: what starts in between is in the ring, and newer than the
    // snapshot.
    for (const known of proc.all()) {
      this.#processes.set(known);
      this.#withExecutable(known);
    }
    this.#processes.snapshotTaken(BigInt(Date.now()) * 1_000_000n);
    options.containers.onKnown = (container) =>
      this.#pipeline.tell(containerNews(container, BigInt(Date.now()) * 1_000_000n), container);
    options.containers.onFound = (cgroup) => this.#probe.setHostCgroup(cgroup, false);
    for (const [id, path] of proc.unknownCgroups()) options.containers.cgroupAppeared(id, path);
  }

  /** Events flow from here on; then what listened before is told, once. */
  async start(): Promise<void> {
    this.#repeated.push(sharedInterval(() => this.#checkDrops(), DROP_CHECK_AT_REST_MS));
    if (this.#probe.reportsListening !== true)
      this.#repeated.push(sharedInterval(() => void this.#reconcile.tick(), RECONCILE_TICK_MS));
    await this.#probe.start((bytes, view, start, length) => {
      this.#dropTimer ??= setTimeout(() => this.#checkDrops(), DROP_CHECK_MS);
      this.#pipeline.record(bytes, view, start, length);
    });
    if (this.#probe.reportsListening === true) return;
    try {
      await this.#reportListening();
    } catch (thrown) {
      const text = `Cannot list the ports that listen already: ${messageOf(thrown)}`;
      this.#options.publish({ kind: "problem", text });
    }
  }

  /**
   * Puts other rules in place, between two events: none is lost, none is asked of both sets. The
   * kernel sends what the new ones ask for from now on. Throws `KERNEL_…` when it cannot be told;
   * then the old rules stay.
   */
  useRules(rules: RuleSet): void {
    this.#enableEvents(rules);
    this.#hostNames.use(rules.hostNames);
    this.#pipeline.rules = rules;
  }

  get variant(): string {
    return this.#probe.variant;
  }

  stats() {
    return {
      ...this.#pipeline.stats(),
      variant: this.variant,
      probe: this.#probe.counters(),
      processes: this.#processes.size,
      evicted: this.#processes.evicted,
      lookedUp: this.#processes.found,
      refreshed: this.#processes.refreshed,
      hostNames: this.#hostNames.stats(),
      files: this.#files.stats(),
      namelessContainers: this.#accounts.nameless,
      lostBy: this.#lossesByContainer(),
    };
  }

  /** Whose records found no room in the kernel's rings, the largest loss first. */
  #lossesByContainer(): readonly ContainerLoss[] {
    return lossesByContainer(this.#probe.losses().byCgroup, (cgroup) => {
      const container = this.#options.containers.byCgroup(cgroup);
      return container?.metadata?.name ?? container?.id;
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const interval of this.#repeated) interval.close();
    clearTimeout(this.#refreshTimer);
    // First: what came before is still looked at.
    this.#probe.close();
    clearTimeout(this.#dropTimer);
    this.#reconcile.close();
    this.#hostNames.close();
    this.#files.close();
  }

  /** What stat(2) says of its executable comes later. */
  #withExecutable(process: Process | undefined): Process | undefined {
    if (process === undefined) return undefined;
    void this.#executables.of(process).then((facts) => {
      if (facts !== undefined) this.#processes.setExecutable(process, facts);
      return undefined;
    });
    return process;
  }

  #checkDrops(): void {
    clearTimeout(this.#dropTimer);
    this.#dropTimer = undefined;
    this.#drops.check();
    this.#refreshProcesses();
  }

  /** A few at once, and further ones soon: an idle watch wakes no more often than it must. */
  #refreshProcesses(): void {
    clearTimeout(this.#refreshTimer);
    if (this.#refresh.tick())
      this.#refreshTimer = setTimeout(() => this.#refreshProcesses(), TICK_MS);
  }

  #enableEvents(rules: RuleSet): void {
    const { callFilter, needsEnvironment } = rules;
    const { codes, genericCalls } = wantedCalls(rules, this.#options.baseSyscalls);
    // The events around a match are kept whole.
    const isFiltered = this.#options.captures === undefined;
    this.#probe.setEnabled(new Set([...codes, ...PROCESS_EVENT_CODES]), {
      environment: needsEnvironment || !isFiltered,
      genericCalls,
    });
    if (needsEnvironment && !this.#knowsEnvironment) {
      this.#processes.markStale();
      this.#refreshProcesses();
    }
    this.#knowsEnvironment = needsEnvironment || !isFiltered;
    if (isFiltered) this.#probe.setCallFilter(callFilter);
  }

  /**
   * Sockets that listened before we came become listen events, so that the same rules tell of them.
   */
  async #reportListening(): Promise<void> {
    const { records, problems } = await listeningRecords(this.#processes);
    const { publish } = this.#options;
    // The watch may end while this is asked.
    if (this.#isClosed) return;
    for (const text of problems) publish({ kind: "problem", text });
    for (const [index, record] of records.entries()) {
      this.#listens(record);
      // A host may have thousands: what happens meanwhile is read in between.
      if (index % SOCKETS_A_TURN === SOCKETS_A_TURN - 1) await turn();
      if (this.#isClosed) return;
    }
    const text = `sockets that listened already: ${records.length}`;
    if (records.length > 0) publish({ kind: "note", text });
  }

  /** A socket that was found listening meets the rules as if it began to this moment. */
  #listens({ bytes, opening, cgroup }: ListeningRecord): void {
    const { ports, containers } = this.#options;
    // One that is known has met the rules, and one for which there is no room would meet them anew
    // each time.
    if (!ports.opened({ ...opening, container: containers.byCgroup(cgroup)?.fullId })) return;
    for (const record of bytes)
      this.#pipeline.record(record, new DataView(record.buffer), 0, record.length);
  }

  #reconcileWith(onProblem: (text: string) => void): HostReconcile {
    const { ports, publish } = this.#options;
    return new HostReconcile({
      namespaces: () => this.#namespaces(),
      believed: (namespace) => ports.sockets(namespace),
      onCgroup: (group, path) => this.#cgroupAppeared(group, path),
      onFound: (listener) => {
        // Its process may have started unseen.
        const { pid } = listener.owner;
        const unknown = this.#processes.get(pid) === undefined ? this.#proc.read(pid) : undefined;
        if (unknown !== undefined) this.#processes.set(unknown);
        this.#listens(recordsOf(listener, this.#processes, false));
      },
      onEnded: (socket) => ports.closed(socket),
      onNote: (text) => publish({ kind: "note", text }),
      onProblem,
      now: () => performance.now(),
    });
  }

  /** Network namespaces that processes are known in, each with some of them. */
  #namespaces(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const { networkNamespace, pid } of this.#processes.values()) {
      const pids = found.get(networkNamespace) ?? [];
      if (pids.length < PROCESSES_OF_NAMESPACE) pids.push(pid);
      found.set(networkNamespace, pids);
    }
    found.delete(0);
    return found;
  }

  #cgroupAppeared(group: CgroupKey, path: string): void {
    const { containers } = this.#options;
    containers.cgroupAppeared(group.id, path);
    this.#probe.setHostCgroup(group, containers.byCgroup(group.id) === undefined);
  }

  #matched(rule: Alerting, scene: CurrentScene): void {
    const { captures, ports, onAlert } = this.#options;
    if (ports.isOwnEffect(scene)) return;
    captures?.matched(rule, scene.event);
    if (rule.tags.includes(OPEN_PORT_TAG) && ports.verdictOf(rule, scene) === "known") return;
    onAlert(rule, scene);
  }

  #notice(event: Event): void {
    const { containers } = this.#options;
    switch (event.code) {
      case NOTICE.cgroup_mkdir: {
        const group = { id: event.uint(0) ?? 0, isV1: event.uint(2) === 1 };
        this.#cgroupAppeared(group, event.text(1) ?? "");
        break;
      }
      case NOTICE.cgroup_rmdir:
        containers.cgroupGone(event.uint(0) ?? 0);
        this.#probe.setHostCgroup({ id: event.uint(0) ?? 0, isV1: event.uint(1) === 1 }, false);
        break;
      case NOTICE.inet_sock_set_state:
        this.#options.ports.socketChanged(event, this.#listenerOf(event));
        break;
    }
  }

  /** The notice itself says nothing new of its process, which may be dying. */
  #listenerOf(event: Event): Process | undefined {
    const pid = event.contextU32(CONTEXT.pid);
    return this.#processes.get(pid) ?? (pid === 0 ? undefined : this.#proc.read(pid));
  }
}

function openSource(
  options: LiveWatchOptions,
  {
    proc,
    executables,
    onProblem,
  }: {
    readonly proc: ProcReader;
    readonly executables: ExecutableReader;
    readonly onProblem: (text: string) => void;
  },
): KernelSource {
  const { source, inherited, ringBytes, ownPid, isRoot } = options;
  try {
    if (source !== "sockets") return openProbe({ ringBytes, ownPid, inherited });
  } catch (thrown) {
    const isRefused = thrown instanceof AppError && thrown.code.startsWith("KERNEL_");
    if (source === "ebpf" || !isRefused || !isRoot) throw thrown;
    const hint = thrown.hint === undefined ? "" : ` (${thrown.hint})`;
    onProblem(`eBPF cannot be used: ${thrown.message}${hint}`);
  }
  const sockets = new SocketsSource({ proc, executables, ownPid, onProblem });
  options.publish({ kind: "note", text: withoutEbpf(sockets, options.rules) });
  return sockets;
}

/** What is seen without eBPF, and the rules that ask for nothing of it. */
function withoutEbpf({ codes, seesFiles }: SocketsSource, { rules }: RuleSet): string {
  const unmet = rules.filter(({ eventCodes }) => eventCodes.isDisjointFrom(codes));
  const [seen, unseen] = seesFiles
    ? ["programs that start, ports that open and files that are opened", "connections"]
    : ["programs that start and ports that open", "files, connections"];
  const names = unmet.slice(0, RULES_SHOWN_MAX).map(({ name }) => `"${name}"`);
  const more = unmet.length > names.length ? ` and ${unmet.length - names.length} more` : "";
  const unmetText =
    unmet.length === 0
      ? "every rule can match"
      : `${unmet.length} of ${rules.length} rules ask for those alone and cannot match: ${names.join(", ")}${more}`;
  return `watching without eBPF: ${seen} are seen, ${unseen} and other calls are not; ${unmetText}`;
}

/** Rules that are named in one line. */
const RULES_SHOWN_MAX = 20;
