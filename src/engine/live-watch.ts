import { randomUUID } from "node:crypto";
import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { makeAlert } from "../alerts/make-alert.ts";
import { AccountsReader } from "../capture/accounts-reader.ts";
import { ownHostPid } from "../capture/own-process.ts";
import { ProcReader } from "../capture/proc-snapshot.ts";
import type { KernelSource } from "../capture/kernel-source.ts";
import { type HandedProbe, openProbe } from "../capture/probe.ts";
import type { Container } from "../containers/container.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT, NOTICE, TCP_STATE } from "../events/record.ts";
import { ipText } from "../lib/ip-text.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { hostNamespaceInode, openNamespace } from "../ports/network-namespace.ts";
import type { CompiledRule, RuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import { PROCESS_EVENT_CODES, ProcessTable } from "../state/process-table.ts";
import { socketOfNotice } from "../state/descriptor.ts";
import { DropWatch, type DropWatchOptions, type Loss } from "./drop-watch.ts";
import { HostNames } from "./host-names.ts";
import { listeningRecords } from "./listening-records.ts";
import { Pipeline } from "./pipeline.ts";
import type { MatchCaptures } from "./match-captures.ts";
import type { PortExaminer } from "./port-examiner.ts";
import { PortNews } from "./port-news.ts";
import { reachability } from "./reachability.ts";
import { SocketsSource } from "./sockets-source.ts";

export interface LiveWatchOptions {
  readonly rules: RuleSet;
  readonly containers: ContainerRegistry;
  readonly hostname: string;
  readonly ringBytes: number;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  /** A probe that was loaded before. */
  readonly handed?: HandedProbe | undefined;
  /** `auto`: eBPF, and where the kernel does not take it sockets and processes. */
  readonly source: "auto" | "ebpf" | "sockets";
  readonly onAlert: (alert: Alert) => void;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
  readonly drops: Pick<DropWatchOptions, "threshold" | "rate"> & {
    readonly onTold: (loss: Loss) => void;
  };
  /** Undefined when matches are not captured. */
  readonly captures?: MatchCaptures | undefined;
  /** Undefined when ports are not to be examined. */
  readonly examiner: PortExaminer | undefined;
}

/** The most processes kept; a process takes about a kilobyte. */
const MAX_PROCESSES = 65_536;

/** So long a process may look like what it was before a lost exec. */
const DROP_CHECK_MS = 250;

/** How long an alert waits for its container's name. */
const METADATA_PATIENCE_MS = 1000;

/** The running kernel as the source: probe → state → rules → alerts, and the ports that open. */
export class LiveWatch {
  readonly #options: LiveWatchOptions;
  readonly #processes: ProcessTable;
  readonly #pipeline: Pipeline;
  readonly #probe: KernelSource;
  readonly #ports = new PortNews();
  readonly #hostNames: HostNames;
  #dropTimer: NodeJS.Timeout | undefined;
  /** Whether the processes that started since have told theirs. */
  #knowsEnvironment = true;

  /** Loads and attaches the probe. Throws `KERNEL_…` where that cannot be. */
  constructor(options: LiveWatchOptions) {
    this.#options = options;
    const proc = new ProcReader();
    const accounts = new AccountsReader({ now: Date.now });
    this.#processes = new ProcessTable({ capacity: MAX_PROCESSES, find: (pid) => proc.read(pid) });
    this.#hostNames = new HostNames(options);
    this.#pipeline = new Pipeline({
      ...options,
      processes: this.#processes,
      containerOf: (cgroup, pidNamespace) => options.containers.byCgroup(cgroup, pidNamespace),
      containerById: (fullId) => options.containers.byId(fullId),
      hostNamesOf: (address) => this.#hostNames.namesOf(address),
      accountsOf: (container, pid) => accounts.of(container, pid),
      whenSettled: (container) => options.containers.whenSettled(container, METADATA_PATIENCE_MS),
      onEvent:
        options.captures === undefined ? undefined : (event) => options.captures?.event(event),
      onMatch: (rule, scene) => this.#matched(rule, scene),
      onNotice: (event) => this.#notice(event),
    });
    this.#probe = openSource(options, proc);
    this.#enableEvents(options.rules);
    this.#hostNames.use(options.rules.hostNames);
    // Attached first, read second: what starts in between is in the ring, and newer than the
    // snapshot.
    for (const known of proc.all()) this.#processes.set(known);
    for (const [id, path] of proc.unknownCgroups()) options.containers.cgroupAppeared(id, path);
  }

  /** Events flow from here on; then what listened before is told, once. */
  async start(): Promise<void> {
    const watch = new DropWatch({
      ...this.#options.drops,
      counters: () => this.#probe.counters(),
      losses: () => this.#probe.losses(),
      onLost: () => this.#processes.doubt(),
      now: () => performance.now(),
    });
    this.#dropTimer = setInterval(() => watch.check(), DROP_CHECK_MS);
    await this.#probe.start((bytes, view, start, length) =>
      this.#pipeline.record(bytes, view, start, length),
    );
    if (this.#probe.tellsListening === true) return;
    try {
      await this.#tellListening();
    } catch (thrown) {
      this.#options.onProblem(`Cannot list the ports that listen already: ${messageOf(thrown)}`);
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
      probe: this.#probe.counters(),
      processes: this.#processes.size,
      evicted: this.#processes.evicted,
      lookedUp: this.#processes.found,
      healed: this.#processes.healed,
      openPorts: this.#ports.inventory.size,
      knownPorts: this.#ports.suppressed,
      hostNames: this.#hostNames.stats(),
    };
  }

  /** Its ports are gone with it: those of its next run are news. */
  containerStopped(container: Container): void {
    this.#ports.containerGone(container.fullId);
  }

  close(): void {
    clearInterval(this.#dropTimer);
    this.#hostNames.close();
    this.#probe.close();
    this.#options.captures?.close();
  }

  #enableEvents(rules: RuleSet): void {
    const { eventCodes, callFilter, needsEnvironment } = rules;
    // The events around a match are kept whole.
    const isFiltered = this.#options.captures === undefined;
    this.#probe.setEnabled(new Set([...eventCodes, ...PROCESS_EVENT_CODES]), {
      environment: needsEnvironment || !isFiltered,
    });
    if (needsEnvironment && !this.#knowsEnvironment) this.#processes.doubt();
    this.#knowsEnvironment = needsEnvironment || !isFiltered;
    if (isFiltered) this.#probe.setCallFilter(callFilter);
  }

  /**
   * Sockets that listened before we came become listen events, so that the same rules tell of them.
   */
  async #tellListening(): Promise<void> {
    const { records, problems } = await listeningRecords(this.#processes);
    for (const problem of problems) this.#options.onProblem(problem);
    for (const { bytes, opening, cgroup } of records) {
      this.#ports.opened({
        ...opening,
        container: this.#options.containers.byCgroup(cgroup)?.fullId,
      });
      this.#pipeline.record(bytes, new DataView(bytes.buffer), 0, bytes.length);
    }
    if (records.length > 0)
      this.#options.onNote(`sockets that listened already: ${records.length}`);
  }

  #matched(rule: CompiledRule, scene: CurrentScene): void {
    this.#options.captures?.matched(rule, scene.event);
    const server = scene.descriptor?.protocol === "tcp" ? scene.descriptor.server : undefined;
    if (server === undefined || !rule.tags.includes(OPEN_PORT_TAG)) {
      this.#options.onAlert(makeAlert(rule, scene, randomUUID()));
      return;
    }
    const container = scene.container;
    const namespace = scene.process?.networkNamespace ?? 0;
    // Text now: the scene's memory is the source's.
    const address = ipText(server.address);
    const verdict = this.#ports.judge(rule.name, {
      namespace,
      port: server.port,
      container: container?.fullId,
    });
    if (verdict === "known") return;
    this.#options.onAlert(makeAlert(rule, scene, randomUUID()));
    if (verdict === "further") return;
    const pids = [scene.process?.pid ?? 0, container?.metadata?.pid ?? 0, ownHostPid()].filter(
      (pid) => pid > 0,
    );
    this.#options.examiner?.examine({
      name: container === undefined ? "host" : (container.metadata?.name ?? container.id),
      container: container?.metadata?.name ?? container?.id,
      address,
      port: server.port,
      reachable: () =>
        reachability(
          { container, onHostNetwork: namespace === hostNamespaceInode() },
          { addresses: [address], port: server.port },
        ),
      namespace: () => firstNamespace(pids, namespace),
    });
  }

  #notice(event: Event): void {
    const { containers } = this.#options;
    switch (event.code) {
      case NOTICE.cgroup_mkdir: {
        const id = event.uint(0) ?? 0;
        containers.cgroupAppeared(id, event.text(1) ?? "");
        this.#probe.setHostCgroup(
          { id, isV1: event.uint(2) === 1 },
          containers.byCgroup(id) === undefined,
        );
        break;
      }
      case NOTICE.cgroup_rmdir:
        containers.cgroupGone(event.uint(0) ?? 0);
        this.#probe.setHostCgroup({ id: event.uint(0) ?? 0, isV1: event.uint(1) === 1 }, false);
        break;
      case NOTICE.inet_sock_set_state:
        this.#socketChanged(event);
        break;
    }
  }

  #socketChanged(event: Event): void {
    const socket = event.bigUint(0);
    // The namespace is the socket's, and the process may be dying: the notice tells nothing new
    // about it.
    const process = this.#processes.get(event.contextU32(CONTEXT.pid));
    const server = socketOfNotice(event)?.server;
    if (socket === undefined || server === undefined) return;
    const place = {
      socket,
      namespace: event.contextU32(CONTEXT.networkNamespace),
      address: ipText(server.address),
      port: server.port,
    };
    if (event.uint(2) === TCP_STATE.LISTEN) {
      const container = this.#options.containers.byCgroup(event.contextU64(CONTEXT.cgroup))?.fullId;
      this.#ports.opened({ ...place, container, process, at: Date.now() });
    } else {
      this.#ports.closed(place);
    }
  }
}

function openSource(
  { source, handed, ringBytes, onNote, onProblem, rules }: LiveWatchOptions,
  proc: ProcReader,
): KernelSource {
  try {
    if (source !== "sockets") return openProbe({ ringBytes, ownPid: ownHostPid(), handed });
  } catch (thrown) {
    // Who is not root sees too little of other processes for anything: that is told instead.
    const isRoot = process.geteuid?.() === 0;
    if (
      source === "ebpf" ||
      !(thrown instanceof AppError) ||
      !thrown.code.startsWith("KERNEL_") ||
      !isRoot
    )
      throw thrown;
    onProblem(
      `eBPF cannot be used: ${thrown.message}${thrown.hint === undefined ? "" : ` (${thrown.hint})`}`,
    );
  }
  const sockets = new SocketsSource({ proc, ownPid: ownHostPid(), onProblem });
  const { codes } = sockets;
  const blind = rules.rules.filter(({ eventCodes }) => eventCodes.isDisjointFrom(codes)).length;
  const [seen, unseen] = sockets.seesFiles
    ? ["programs that start, ports that open and files that are opened", "connections"]
    : ["programs that start and ports that open", "files, connections"];
  onNote(
    `watching without eBPF: ${seen} are seen, ${unseen} and other calls are not; ${blind} of ${rules.rules.length} rules ask for those alone`,
  );
  return sockets;
}

/**
 * The namespace, by the first of the processes that is still in it. Throws `KERNEL_NAMESPACE` when
 * all are gone.
 */
function firstNamespace(pids: readonly number[], inode: number) {
  let problem: unknown;
  for (const pid of pids) {
    try {
      const namespace = openNamespace(pid);
      if (namespace.inode === inode || inode === 0) return namespace;
      namespace.close();
    } catch (thrown) {
      problem = thrown;
    }
  }
  throw problem ?? new Error("its processes are gone");
}
