import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import type { Event } from "../events/event.ts";
import { CONTEXT, TCP_STATE } from "../events/record.ts";
import { ipText } from "../lib/ip-text.ts";
import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import type { NewsBody, PortNews } from "../news/news.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import { listeningPlaces } from "../ports/listening-places.ts";
import { openFirstNamespace } from "../ports/open-first-namespace.ts";
import { OwnConnections } from "../ports/own-connections.ts";
import type { OpenSocket, PortClosing, PortOpening, PortPlace } from "../ports/port-inventory.ts";
import type { Alerting } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import { socketOfNotice } from "../state/descriptor.ts";
import type { Process } from "../state/process.ts";
import { DatagramBinds } from "./datagram-binds.ts";
import { portProcess } from "../capture/listening-records.ts";
import type { NmapOptions } from "../audit/nmap-scanner.ts";
import { PortExaminer } from "./port-examiner.ts";
import { PortWatch, type PortVerdict } from "./port-watch.ts";

/** Whose ports are followed, and who hears of them. */
export interface HostPortsOptions {
  readonly containers: ContainerRegistry;
  readonly publish: (body: NewsBody) => void;
  /** Where reports go; undefined when ports are not to be examined. */
  readonly reports: ReportFolder | undefined;
  readonly nmap?: NmapOptions | undefined;
}

/** How long an examination waits for its container's name. */
const METADATA_PATIENCE_MS = 1000;

const OVERDUE_CHECK_MS = 5000;

/** Ports shown by number in one line. */
const SHOWN_MAX = 8;

/**
 * The ports of this host's containers, and of itself: what listens, what alerts say of it, and the
 * examination of each port that an alert was about, once it listens.
 */
export class HostPorts {
  readonly #options: HostPortsOptions;
  readonly #watch: PortWatch;
  readonly #own = new OwnConnections(() => performance.now());
  readonly #datagrams = new DatagramBinds(() => performance.now());
  readonly #examiner: PortExaminer | undefined;
  readonly #checks: SharedInterval;
  #ownEffects = 0;

  constructor(options: HostPortsOptions) {
    this.#options = options;
    this.#watch = new PortWatch({
      onExamine: (place) => this.#examine(place),
      onNeverListened: (container, places) => this.#neverListened(container, places),
      now: () => performance.now(),
    });
    this.#checks = sharedInterval(() => this.#watch.reportOverdue(), OVERDUE_CHECK_MS);
    if (options.reports !== undefined) this.#examiner = this.#examinerFor(options.reports);
  }

  stats() {
    const { inventory, suppressed, bound } = this.#watch;
    return {
      openPorts: inventory.size,
      /** Openings that had no room in the inventory. */
      unlistedPorts: inventory.dropped,
      boundPorts: bound,
      /** Alerts left out because their port was known. */
      knownPorts: suppressed + this.#datagrams.suppressed,
      /** Alerts left out because our own connection made the program do it. */
      ownEffects: this.#ownEffects,
      examined: this.#examiner?.examined ?? 0,
      /** Reports of finished examinations that could not be written, up to the end. */
      unwrittenReports: this.#examiner?.unwritten ?? 0,
      /** Ports that were not examined for want of room or time. */
      notExamined: this.#examiner?.dropped ?? 0,
    };
  }

  /** Whether a TCP socket is known to listen on a port of a network namespace. */
  isListening(namespace: number, port: number): boolean {
    return this.#watch.inventory.isListening(namespace, port);
  }

  /** True when the event is what one of our own connections made a program do: it is no news. */
  isOwnEffect({ descriptor, process }: CurrentScene): boolean {
    if (descriptor?.remote === undefined || descriptor.local === undefined) return false;
    const isOwn = this.#own.has({
      namespace: process?.networkNamespace ?? 0,
      ownAddress: ipText(descriptor.remote.address),
      ownPort: descriptor.remote.port,
      peerPort: descriptor.local.port,
    });
    if (isOwn) this.#ownEffects += 1;
    return isOwn;
  }

  /** What an alert of an open_port rule is worth; a port that it is about is examined. */
  verdictOf(rule: Alerting, scene: CurrentScene): PortVerdict {
    const place = placeOf(scene);
    if (place === undefined) return "news";
    if (scene.descriptor?.protocol === "udp") return this.#datagramBound(rule, scene, place);
    if (scene.descriptor?.protocol !== "tcp") return "news";
    const { name, priority } = rule;
    const at = epochMs(scene.event);
    return this.#watch.alert({ rule: name, priority, place, by: actOf(scene), at });
  }

  /** The kernel's notice that a socket begins or ceases to listen. */
  socketChanged(event: Event, process: Process | undefined): void {
    const socket = event.bigUint(0);
    const descriptor = socketOfNotice(event);
    const server = descriptor?.server;
    if (socket === undefined || server === undefined) return;
    const { containers } = this.#options;
    const namespace = event.contextU32(CONTEXT.networkNamespace);
    const { inode } = descriptor ?? {};
    const place = { socket, namespace, address: ipText(server.address), port: server.port, inode };
    if (event.uint(2) === TCP_STATE.LISTEN) {
      const container = containers.byCgroup(event.contextU64(CONTEXT.cgroup))?.fullId;
      this.opened({ ...place, container, process: portProcess(process), at: Date.now() });
    } else this.closed(place, epochMs(event));
  }

  /** The sockets that are held to listen in a namespace. */
  sockets(namespace: number): readonly OpenSocket[] {
    return this.#watch.inventory.sockets(namespace);
  }

  /** A socket does not listen any more, since `at`: milliseconds since the Unix epoch. */
  closed(closing: PortClosing, at = Date.now()): void {
    const port = this.#watch.closed(closing, at);
    if (port !== undefined) this.#publish("port-closed", port);
  }

  /** A socket listens: told by the kernel, or found. True when it is the first of its port. */
  opened(opening: PortOpening): boolean {
    const isFirst = this.#watch.opened(opening);
    if (isFirst) this.#publish("port-opened", opening);
    return isFirst;
  }

  /**
   * An alert of another program about a port that was found listening now; `listening` is all that
   * listens in its namespace, since closings are not seen.
   */
  verdictOfFound(
    opening: PortOpening,
    listening: readonly Pick<PortPlace, "address" | "port">[],
  ): PortVerdict {
    const { namespace, at } = opening;
    this.#watch.reconcile(namespace, listening, at);
    this.opened(opening);
    return this.#watch.alert({ rule: "", priority: "Debug", place: opening, by: "listen", at });
  }

  /**
   * Examines an open port again. Returns why not, in words; undefined when it waits for its turn.
   */
  examineAgain({ protocol, namespace, address, port, containerId }: PortNews): string | undefined {
    if (this.#examiner === undefined) return "this watch examines no ports";
    if (protocol === "udp") return "ports of UDP are not examined by themselves";
    const place = this.#watch.inventory
      .list()
      .find(
        (open) =>
          open.namespace === namespace &&
          open.address === address &&
          open.port === port &&
          open.container === containerId,
      );
    if (place === undefined) return "it does not listen any more";
    this.#examine(place);
    return undefined;
  }

  /** Resolves when no examination waits or runs any more. */
  async idle(): Promise<void> {
    await this.#examiner?.idle();
  }

  /** Its ports are gone with it: those of its next run are news. */
  containerStopped(container: Container): void {
    for (const port of this.#watch.containerGone(container.fullId, Date.now()))
      this.#publish("port-closed", port);
  }

  close(): void {
    this.#checks.close();
    this.#examiner?.close();
  }

  #examinerFor(folder: ReportFolder): PortExaminer {
    const { publish, containers } = this.#options;
    return new PortExaminer({
      folder,
      nmap: this.#options.nmap,
      own: this.#own,
      isOpen: (place) => this.#watch.inventory.has(place),
      whenSettled: (container) => containers.whenSettled(container, METADATA_PATIENCE_MS),
      onReport: (report, files) => publish({ kind: "audit", report, files }),
      onProblem: (text) => publish({ kind: "problem", text }),
    });
  }

  #examine(place: PortPlace): void {
    const container = this.#containerOf(place);
    const pids = [place.process?.pid, container?.metadata?.pid];
    this.#examiner?.examine({
      place,
      container,
      namespace: () => openFirstNamespace(pids, place.namespace),
    });
  }

  #datagramBound(rule: Alerting, scene: CurrentScene, place: PortPlace): PortVerdict {
    if (actOf(scene) !== "bind") return "news";
    const verdict = this.#datagrams.alert(rule.name, place);
    if (verdict === "news") this.#publish("port-opened", place, "udp");
    return verdict;
  }

  #neverListened(id: string | undefined, places: readonly PortPlace[]): void {
    const container = id === undefined ? undefined : this.#options.containers.byId(id);
    const listening = listeningPlaces(places, container?.metadata?.pid);
    // The kernel's notice was lost.
    for (const place of listening) this.opened({ ...place, at: Date.now() });
    const ports = places.filter((place) => !listening.has(place)).map(({ port }) => port);
    if (ports.length === 0) return;
    const name = id === undefined ? "host" : (container?.metadata?.name ?? id.slice(0, 12));
    const more = ports.length > SHOWN_MAX ? ` and ${ports.length - SHOWN_MAX} more` : "";
    const numbers = `${ports.slice(0, SHOWN_MAX).join(", ")}${more}`;
    const text = `${name}: bound, not listening: port ${numbers}; examined when it listens`;
    this.#options.publish({ kind: "note", text });
  }

  #publish(
    kind: "port-opened" | "port-closed",
    place: PortPlace,
    protocol: PortNews["protocol"] = "tcp",
  ): void {
    const { namespace, address, port, process } = place;
    const container = this.#containerOf(place);
    const name = container?.metadata?.name ?? container?.id;
    const owner =
      process === undefined ? undefined : { pid: process.pid, exepath: process.exepath };
    const facts: PortNews = { protocol, address, port, namespace, process: owner };
    this.#options.publish({
      kind,
      port: { ...facts, container: name, containerId: place.container },
    });
  }

  #containerOf({ container }: PortPlace): Container | undefined {
    return container === undefined ? undefined : this.#options.containers.byId(container);
  }
}

/** The place that an event's socket has as a server; undefined for a client's and for no socket. */
function placeOf({ descriptor, process, container }: CurrentScene): PortPlace | undefined {
  const local = descriptor?.isServer === true ? descriptor.local : undefined;
  if (local === undefined || local.port === 0) return undefined;
  return {
    namespace: process?.networkNamespace ?? 0,
    // Text now: the scene's memory is the source's.
    address: ipText(local.address),
    port: local.port,
    container: container?.fullId,
    process: portProcess(process),
  };
}

function epochMs({ timestamp }: Event): number {
  return Number(timestamp) / 1e6;
}

function actOf({ event }: CurrentScene): "bind" | "listen" | "other" {
  const name = event.type?.name;
  return name === "bind" || name === "listen" ? name : "other";
}
