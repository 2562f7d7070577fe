import type { Alert } from "../alerts/alert.ts";
import { type OpenedPort, openedPort, ownerName, type PortOwner } from "../alerts/opened-port.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { messageOf } from "../lib/errors.ts";
import { RepeatedReports } from "../lib/repeated-reports.ts";
import { type Listener, listListeners, listUdpPorts } from "../ports/listeners.ts";
import {
  type NetworkNamespace,
  openHostNamespace,
  openNamespace,
} from "../ports/network-namespace.ts";
import type { NewsBody } from "../news/news.ts";
import { escaped } from "../reports/escaped.ts";
import type { HostPorts } from "./host-ports.ts";
import { RetryQueue } from "./retry-queue.ts";

/** What alerted ports are looked for in, and who hears of them. */
export interface AlertedPortsOptions {
  readonly containers: ContainerRegistry;
  readonly ports: HostPorts;
  readonly publish: (body: NewsBody) => void;
  /**
   * Epoch nanoseconds: alerts from before tell of ports that may be long closed, which is no
   * problem then.
   */
  readonly startedAt: bigint;
  /** Milliseconds for which a port is looked for; default `PATIENCE_MS`. */
  readonly patienceMs?: number;
}

/**
 * The ports that ready-made alerts name. An alert comes within milliseconds: its container may not
 * run yet by its runtime's word, and its socket may be bound and not listen. So each port is looked
 * for until it listens, for some seconds, and then examined.
 */
export class AlertedPorts {
  readonly #options: AlertedPortsOptions;
  readonly #queue: RetryQueue;
  readonly #reports: Readonly<Record<"problem" | "note", RepeatedReports>>;
  readonly #asking = new Map<string, Promise<Container | undefined>>();
  #past = 0;

  constructor(options: AlertedPortsOptions) {
    this.#options = options;
    this.#queue = new RetryQueue({
      parallel: PARALLEL,
      capacity: CAPACITY,
      share: SHARE,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
    });
    this.#reports = {
      problem: new RepeatedReports((text) => options.publish({ kind: "problem", text })),
      note: new RepeatedReports((text) => options.publish({ kind: "note", text })),
    };
  }

  stats() {
    return {
      pastPorts: this.#past,
      boundPorts: this.#reports.note.count("bound"),
      udpPorts: this.#reports.note.count("udp"),
      droppedPorts: this.#queue.dropped,
    };
  }

  /** True when so many ports wait that further ones had better come later. */
  get isBusy(): boolean {
    return this.#queue.length > CAPACITY / 2;
  }

  /** Takes up an alert of an opened port. */
  opened(alert: Alert): void {
    const port = openedPort(alert);
    if (port === undefined) {
      this.#problem("no port", alert, "the alert names no port by fd.sport, fd.lport or fd.name");
      return;
    }
    const owner = keyOf(port.owner);
    const search: Search = { alert, port, container: undefined };
    const isTaken = this.#queue.push({
      key: `${owner} ${port.port} ${port.protocol ?? ""} ${port.address ?? ""}`,
      owner,
      attempt: (isLast) => this.#attempt(search, isLast || this.#isLongPast(alert)),
    });
    if (!isTaken)
      this.#problem("full", alert, `${this.#queue.length} ports are looked for already`);
  }

  /** Resolves when no port is looked for any more. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  close(): void {
    this.#queue.close();
  }

  async #attempt(search: Search, isLast: boolean): Promise<"done" | "again"> {
    try {
      const found = await this.#find(search, isLast);
      if (found === "done" || !isLast) return found;
      this.#report("note", "bound", search.alert, silence(search.alert));
    } catch (thrown) {
      const isFinal = thrown instanceof Absence && thrown.isFinal;
      if (!isLast && !isFinal) {
        search.container = undefined;
        return "again";
      }
      const kind = thrown instanceof Absence ? thrown.message : "other";
      this.#problem(kind, search.alert, messageOf(thrown));
    }
    return "done";
  }

  /** Throws where the port's owner cannot be looked into now; `again` where nothing listens. */
  async #find(search: Search, isLast: boolean): Promise<"done" | "again"> {
    const { port, alert } = search;
    if (port.protocol === "udp") return this.#isUdp(alert);
    if (port.owner.kind === "container")
      search.container ??= await this.#runningContainer(port.owner, alert);
    const pid = search.container?.metadata?.pid;
    const open = pid === undefined ? openHostNamespace : () => openNamespace(pid);
    const namespace = open();
    try {
      const listening = listListeners(namespace);
      const socket = socketOf(port, listening, isLast);
      if (socket !== undefined) {
        const { address, port: number, inode } = socket;
        const place = { namespace: namespace.inode, container: search.container?.fullId };
        const opening = { ...place, address, port: number, socket: `inode:${inode}` };
        this.#options.ports.verdictOfFound({ ...opening, at: Date.now() }, listening);
        return "done";
      }
      // Until then it may be about to listen over TCP, too, as name servers do.
      return isLast && port.protocol === undefined && hasUdp(namespace, port.port)
        ? this.#isUdp(alert)
        : "again";
    } finally {
      namespace.close();
    }
  }

  /** As the runtime says now. Throws an `Absence`. */
  async #runningContainer(owner: ContainerOwner, alert: Alert): Promise<Container> {
    const container = await this.#ask(owner);
    if (container === undefined || !isMeant(owner, container))
      throw new Absence("no runtime that was asked knows the container");
    const { metadata } = container;
    if (metadata === undefined)
      throw new Absence(container.failure ?? "the runtime does not answer");
    if (metadata.pid > 0) return container;
    // Its runtime saw it start after the alert, so this run is over. One that was seen to start
    // before may be the run before the alert's: it may be starting again.
    const hasEnded = alert.time > 0n && metadata.startedAt >= alert.time;
    throw new Absence(
      hasEnded ? "the container has ended" : "the container does not run",
      hasEnded,
    );
  }

  /** One question at once for all ports of a container. */
  #ask(owner: ContainerOwner): Promise<Container | undefined> {
    const { containers } = this.#options;
    const key = keyOf(owner);
    const under = this.#asking.get(key);
    if (under !== undefined) return under;
    // By the whole id where it is known: another container may have its beginning for a name.
    const asked = owner.by === "id" ? (containers.byId(owner.key)?.fullId ?? owner.key) : owner.key;
    const question = containers.lookUpAnew(asked).finally(() => this.#asking.delete(key));
    this.#asking.set(key, question);
    return question;
  }

  #isUdp(alert: Alert): "done" {
    this.#report("note", "udp", alert, "bound over UDP, where nothing listens: it is not examined");
    return "done";
  }

  #problem(kind: string, alert: Alert, text: string): void {
    this.#report("problem", kind, alert, text);
  }

  #report(as: "problem" | "note", kind: string, alert: Alert, text: string): void {
    if (this.#isPast(alert)) {
      this.#past += 1;
      return;
    }
    const { port } = openedPort(alert) ?? {};
    const name = escaped(ownerName(alert));
    const where = port === undefined ? name : `${name}:${port}`;
    this.#reports[as].report(kind, `${as === "note" ? "" : "Cannot examine "}${where}: ${text}`);
  }

  #isPast({ time }: Alert): boolean {
    return time !== 0n && time < this.#options.startedAt;
  }

  /** So long that nothing of it is still about to happen. */
  #isLongPast({ time }: Alert): boolean {
    return time !== 0n && time < this.#options.startedAt - PAST_NS;
  }
}

type ContainerOwner = Extract<PortOwner, { readonly kind: "container" }>;

interface Search {
  readonly alert: Alert;
  readonly port: OpenedPort;
  /** Once it runs. */
  container: Container | undefined;
}

/** Why a container cannot be looked into now. INVARIANT: the messages are few. */
class Absence extends Error {
  /** It will not change any more. */
  readonly isFinal: boolean;

  constructor(reason: string, isFinal = false) {
    super(reason);
    this.isFinal = isFinal;
  }
}

function keyOf(owner: PortOwner): string {
  return owner.kind === "host" ? "host" : `${owner.by} ${owner.key}`;
}

/** A runtime takes the beginning of an id for a name, and a name for the beginning of an id. */
function isMeant({ by, key }: ContainerOwner, { fullId, metadata }: Container): boolean {
  return by === "id" ? fullId.startsWith(key) : metadata?.name === key;
}

/**
 * The socket that listens at the alert's address; at another one only when there is no more time for
 * the right one to come.
 */
function socketOf(
  { port, address }: OpenedPort,
  listening: readonly Listener[],
  isLast: boolean,
): Listener | undefined {
  const there = listening.filter((listener) => listener.port === port);
  const isAny = (text: string | undefined): boolean => text === "0.0.0.0" || text === "::";
  return (
    there.find((listener) => listener.address === address) ??
    there.find((listener) => isAny(listener.address)) ??
    (isLast || address === undefined || isAny(address) ? there[0] : undefined)
  );
}

function hasUdp(namespace: NetworkNamespace, port: number): boolean {
  try {
    return listUdpPorts(namespace).has(port);
  } catch {
    return false;
  }
}

/** What is to be said of a port where nothing listens. */
function silence({ outputFields }: Alert): string {
  return outputFields["evt.type"] === "listen"
    ? "it does not listen any more"
    : "bound, not listening";
}

/** Searches at once, in all, and of one container or the host. */
const PARALLEL = 16;
const CAPACITY = 4096;
const SHARE = 512;
const PATIENCE_MS = 10_000;
const PAST_NS = 10_000_000_000n;
