import { setImmediate as turn } from "node:timers/promises";
import { audit } from "../audit/audit.ts";
import { ConnectErrors } from "../audit/connect-errors.ts";
import { type NmapOptions, nmapScan } from "../audit/nmap-scanner.ts";
import { needsAnotherLook } from "../audit/needs-another-look.ts";
import type { AuditReport, ProbeErrorCode } from "../audit/report.ts";
import type { Container } from "../containers/container.ts";
import { messageOf } from "../lib/errors.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import { addressesOf, connectToListener } from "../ports/connect-listener.ts";
import { openDatagram } from "../ports/datagram.ts";
import { type Listener, listListenersOn } from "../ports/listeners.ts";
import {
  hostNamespaceInode,
  inNamespace,
  type NetworkNamespace,
} from "../ports/network-namespace.ts";
import { isOwnAddress } from "../ports/own-address.ts";
import type { OwnConnections } from "../ports/own-connections.ts";
import { sharingPrograms } from "../ports/sharing-programs.ts";
import { placeKey, type PortPlace } from "../ports/port-inventory.ts";
import { ExaminationBudget } from "./examination-budget.ts";
import { reachability } from "./reachability.ts";
import { UnwrittenReports } from "./unwritten-reports.ts";

/** A port to be examined. */
export interface Examination {
  readonly place: PortPlace;
  readonly container: Container | undefined;
  /** Opens the namespace the port lives in, at once; throws when its processes are gone. */
  readonly namespace: () => NetworkNamespace;
}

/** Where reports go, who is asked about ports and containers, and who hears of the results. */
export interface PortExaminerOptions {
  readonly folder: ReportFolder;
  /** The connections that are made are entered here. */
  readonly own: OwnConnections;
  /** Whether the port is open still. */
  readonly isOpen: (place: PortPlace) => boolean;
  /** Resolves when the runtime has told about a container, or will not soon. */
  readonly whenSettled: (container: Container) => Promise<Container>;
  /** `stem`: the path of the report's files without ending; absent when they cannot be written. */
  readonly onReport: (report: AuditReport, stem: string | undefined) => void;
  readonly onProblem: (text: string) => void;
  /** nmap, where it takes the place of Saker's own examination. */
  readonly nmap?: NmapOptions | undefined;
  /** Milliseconds after which a port that could not be examined is looked at again. */
  readonly looksAfterMs?: readonly number[];
}

/** A port whose examination is under way, with its namespace held open. */
interface Look {
  readonly examination: Examination;
  readonly namespace: NetworkNamespace;
  /** What the looks before this one came to; their reports are this one's to replace. */
  readonly verdicts: readonly string[];
}

/** The most ports that wait for their examination, in all and of one container. */
const CAPACITY = 4096;
const CAPACITY_OF_CONTAINER = 512;
const PARALLEL = 8;
const PARALLEL_OF_CONTAINER = 4;

/** Ports that wait for another look, each with a descriptor of its namespace. */
const LATER_MAX = 256;

/** Containers of which is kept what their servers counted; then whose audit is longest ago goes. */
const OWNERS_MAX = 1024;

const LOOKS_AFTER_MS = [5_000, 20_000, 60_000];

/**
 * Examines ports as they open, some at a time and containers in turns, and writes a report of each.
 * Only what the kernel says listens in that namespace is connected to, by an address of the
 * namespace's own. A port that could not be examined is looked at again, a few times, as long as it
 * is open.
 */
export class PortExaminer {
  readonly #options: PortExaminerOptions;
  readonly #queue = new FairQueue({
    capacity: CAPACITY,
    capacityOfKey: CAPACITY_OF_CONTAINER,
    parallel: PARALLEL,
    parallelOfKey: PARALLEL_OF_CONTAINER,
  });
  readonly #budget = new ExaminationBudget(() => performance.now());
  readonly #abort = new AbortController();
  /** What the queue holds: a job that does not run any more closes no namespace. */
  readonly #waiting = new Set<Look>();
  /** Those of which nothing has been told yet. */
  readonly #untold = new Set<Examination>();
  readonly #later = new Map<NodeJS.Timeout, Look>();
  readonly #reports: UnwrittenReports;
  /** By container: what one's servers count, or pretend to, spares no other's. */
  readonly #connectErrors = new Map<string, ConnectErrors>();
  #examined = 0;
  #given = 0;

  constructor(options: PortExaminerOptions) {
    this.#options = options;
    this.#reports = new UnwrittenReports(options);
  }

  #connectErrorsOf(owner: string): ConnectErrors {
    const known = this.#connectErrors.get(owner) ?? new ConnectErrors();
    this.#connectErrors.delete(owner);
    this.#connectErrors.set(owner, known);
    for (const [oldest] of this.#connectErrors) {
      if (this.#connectErrors.size <= OWNERS_MAX) break;
      this.#connectErrors.delete(oldest);
    }
    return known;
  }

  /** Reports that were made. */
  get examined(): number {
    return this.#examined;
  }

  /** Ports that were not examined because there were too many, or the watch ended before their report. */
  get dropped(): number {
    return this.#queue.refused + this.#budget.refused + this.#given;
  }

  /** Reports that were made and could not be written. */
  get unwritten(): number {
    return this.#reports.lost;
  }

  /**
   * Queues one port. Its namespace is opened now, so that a container that ends meanwhile leaves it
   * reachable to the last.
   */
  examine(examination: Examination): void {
    const before = this.#budget.refused;
    if (!this.#budget.take(examination.place.container ?? ""))
      return this.#refuse(examination, "it has opened too many ports lately", before);
    this.#untold.add(examination);
    try {
      this.#enqueue({ examination, namespace: examination.namespace(), verdicts: [] });
    } catch (thrown) {
      const failed = failedReport(examination, nameOf(examination.container), {
        code: "unreachable",
        error: messageOf(thrown),
      });
      // In its turn, too: a container may make thousands of such.
      this.#push(examination, async () => {
        await turn();
        if (!this.#abort.signal.aborted) this.#report(examination, failed, []);
      });
    }
  }

  /** Resolves when nothing waits or runs any more, further looks left aside. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Drops what waits and ends what runs; no namespace stays open. */
  close(): void {
    this.#abort.abort();
    this.#queue.close();
    this.#given += this.#untold.size;
    this.#untold.clear();
    for (const { namespace } of this.#waiting) namespace.close();
    this.#waiting.clear();
    for (const [timer, { namespace }] of this.#later) {
      clearTimeout(timer);
      namespace.close();
    }
    this.#later.clear();
    this.#reports.close();
  }

  #enqueue(look: Look): void {
    this.#waiting.add(look);
    if (this.#push(look.examination, () => this.#look(look))) return;
    this.#waiting.delete(look);
    look.namespace.close();
  }

  /** False when there is no room; that is told. */
  #push(examination: Examination, job: () => Promise<void>): boolean {
    const before = this.#queue.refused;
    const isTaken = this.#queue.push(examination.place.container ?? "", job);
    if (!isTaken) this.#refuse(examination, "too many of its ports are waiting already", before);
    return isTaken;
  }

  /** The first, the second, the fourth …: a container with thousands of ports must not flood. */
  #refuse(examination: Examination, reason: string, before: number): void {
    this.#untold.delete(examination);
    const { place, container } = examination;
    if ((before & (before + 1)) !== 0 || this.#abort.signal.aborted) return;
    this.#options.onProblem(
      `Cannot examine ${nameOf(container)}:${place.port}: ${reason} (${before + 1} ports so far)`,
    );
  }

  async #look(look: Look): Promise<void> {
    const { examination, namespace, verdicts } = look;
    this.#waiting.delete(look);
    let isKept = false;
    // Where nothing is connected to, nothing is waited for: events are read between the reports.
    await turn();
    try {
      const report = await this.#examine(look);
      if (this.#abort.signal.aborted) return;
      this.#report(examination, report, verdicts);
      isKept = this.#looksAgain(look, report);
    } catch (thrown) {
      if (this.#abort.signal.aborted) return;
      this.#untold.delete(examination);
      const { container, place } = examination;
      const problem = messageOf(thrown);
      this.#options.onProblem(`Cannot examine ${nameOf(container)}:${place.port}: ${problem}`);
    } finally {
      if (!isKept) namespace.close();
    }
  }

  async #examine({ examination, namespace }: Look): Promise<AuditReport> {
    const { place, own, signal } = { ...this.#options, ...examination, signal: this.#abort.signal };
    const { address, port } = place;
    const container = await this.#settled(examination.container);
    const name = nameOf(container);
    const way = wayTo(namespace, place);
    if (!("addresses" in way)) return failedReport(examination, name, way);
    const onConnection = (ownAddress: string, ownPort: number): void =>
      own.add({ namespace: namespace.inode, ownAddress, ownPort, peerPort: port });
    const { addresses } = way;
    const [host] = addresses;
    const target = {
      label: `${name}:${port}`,
      host,
      port,
      ...(container === undefined ? {} : { container: name }),
    };
    const connectErrors = this.#connectErrorsOf(container?.id ?? "host");
    const { nmap } = this.#options;
    const found =
      nmap === undefined
        ? await audit(
            {
              ...target,
              connect: (ended) =>
                connectToListener(namespace, addresses, port, { signal: ended, onConnection }),
              datagram: () => openDatagram(namespace, host, port),
            },
            { signal, connectErrors },
          )
        : await nmapScan({ ...target, within: (act) => inNamespace(namespace, act) }, nmap, signal);
    const onHostNetwork = namespace.inode === hostNamespaceInode();
    const reachable = await reachability(
      { container, onHostNetwork },
      { addresses: [address], port },
    );
    const sharedBy = await sharingPrograms(way.listening, place);
    const listener = { ...listenerOf(place), ...(sharedBy.length === 0 ? {} : { sharedBy }) };
    return { ...found, reachable, listener };
  }

  /** Its name is what the report is called by, so a runtime that is being asked is waited for. */
  async #settled(container: Container | undefined): Promise<Container | undefined> {
    return container?.state === "pending" ? this.#options.whenSettled(container) : container;
  }

  #report(examination: Examination, report: AuditReport, verdicts: readonly string[]): void {
    const { place, container } = examination;
    const { isOpen, onReport } = this.#options;
    this.#untold.delete(examination);
    this.#examined += 1;
    const written = this.#reports.write(
      {
        container: container === undefined ? undefined : nameOf(container),
        port: place.port,
        address: place.address,
        key: placeKey(place),
        isOpen: () => isOpen(place),
        isRepeated: verdicts.length > 0,
      },
      report,
    );
    // A port that stays silent is said once, however often it is looked at.
    if (verdicts.at(-1) !== verdictOf(report)) onReport(written?.report ?? report, written?.stem);
  }

  /** True when the namespace is kept for another look. */
  #looksAgain(look: Look, report: AuditReport): boolean {
    const { isOpen, looksAfterMs = LOOKS_AFTER_MS } = this.#options;
    const { place } = look.examination;
    const pause = looksAfterMs[look.verdicts.length];
    if (!needsAnotherLook(report) || pause === undefined) return false;
    if (!isOpen(place) || this.#later.size >= LATER_MAX) return false;
    const timer = setTimeout(() => {
      this.#later.delete(timer);
      const verdicts = [...look.verdicts, verdictOf(report)];
      if (isOpen(place)) this.#enqueue({ ...look, verdicts });
      else look.namespace.close();
    }, pause).unref();
    this.#later.set(timer, look);
    return true;
  }
}

/** Reports of the same verdict are the same news. */
function verdictOf({ tls, speaks, grade }: AuditReport): string {
  return `${tls} ${speaks} ${grade?.letter}`;
}

/** Why a port is not connected to. */
interface Obstacle {
  readonly code: ProbeErrorCode;
  readonly error: string;
}

/** By which addresses the port, and no other, may be connected to. */
interface Way {
  readonly addresses: readonly [string, ...string[]];
  /** All that listens on its number. */
  readonly listening: readonly Listener[];
}

function wayTo(namespace: NetworkNamespace, { address, port }: PortPlace): Way | Obstacle {
  const listening = listListenersOn(namespace, port);
  const listener = listening.find((one) => one.address === address);
  if (listener === undefined) return { code: "refused", error: "nothing listens there any more" };
  const [first, ...others] = addressesOf(listener, listening);
  if (first === undefined) {
    const error = `others listen on port ${port} of each loopback address: nothing was connected to`;
    return { code: "unreachable", error };
  }
  if (isOwnAddress(namespace, first)) return { addresses: [first, ...others], listening };
  const error = `${address} is no address of its network namespace: nothing was connected to`;
  return { code: "unreachable", error };
}

/** The report of a port that was not connected to. */
function failedReport(
  { place, container }: Examination,
  name: string,
  obstacle: Obstacle,
): AuditReport {
  return {
    target: `${name}:${place.port}`,
    host: place.address,
    port: place.port,
    ...(container === undefined ? {} : { container: name }),
    listener: listenerOf(place),
    startedAt: new Date().toISOString(),
    durationMs: 0,
    connections: 0,
    protocols: {},
    groups: [],
    certificates: [],
    findings: [],
    errors: [{ probe: "target", ...obstacle }],
  };
}

function listenerOf({ address, process }: PortPlace): NonNullable<AuditReport["listener"]> {
  const exepath = process?.exepath ?? "";
  return { address, ...(exepath === "" ? {} : { exepath }) };
}

function nameOf(container: Container | undefined): string {
  return container === undefined ? HOST : (container.metadata?.name ?? container.id);
}

const HOST = "host";
