/** Who opened a port. */
export interface PortProcess {
  readonly pid: number;
  /** The kernel's 15-byte name. */
  readonly comm: string;
  /** The executable's path. */
  readonly exepath: string;
}

/** A socket that has started to listen, or was found listening. */
export interface PortOpening {
  /** Inode of the network namespace. */
  readonly namespace: number;
  readonly address: string;
  readonly port: number;
  /** Full id of the container; absent on the host. */
  readonly container?: string | undefined;
  readonly process?: PortProcess | undefined;
  /** Names the socket for its life; absent when the source cannot tell, such as a rule's alert. */
  readonly socket?: SocketIdentity | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * A socket's name: the kernel's address of it in the probe's notices, or `inode:N` from an
 * inventory. The two cannot be compared, so a closing also tells where the socket listened.
 */
export type SocketIdentity = bigint | string;

/** A socket that has stopped to listen. */
export interface PortClosing {
  readonly socket?: SocketIdentity | undefined;
  readonly namespace: number;
  readonly address: string;
  readonly port: number;
}

/**
 * A port that something listens on: one for all sockets of the same container (or the host),
 * namespace and number.
 */
export interface OpenPort {
  readonly namespace: number;
  readonly port: number;
  /** All addresses it listens on, in the order of their opening. */
  readonly addresses: readonly string[];
  readonly container: string | undefined;
  /** Who opened it first. */
  readonly process: PortProcess | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly openedAt: number;
}

/**
 * Who listens. A port is news when its first socket starts to listen, and closed when its last one
 * stops; many workers (SO_REUSEPORT) or 0.0.0.0 beside :: are one port. The same number in two
 * containers is two. Bounded by PORTS_MAX in all and CONTAINER_PORTS_MAX for one container, so that
 * none can crowd out the others: what is beyond is counted in `dropped`.
 */
export class PortInventory {
  readonly #ports = new Map<string, Entry>();
  readonly #bySocket = new Map<SocketIdentity, Entry>();
  readonly #byContainer = new Map<string, Set<Entry>>();
  /** By namespace and number: more than one entry where containers share a namespace. */
  readonly #byPlace = new Map<string, Set<Entry>>();
  #dropped = 0;

  /** How many ports are open. */
  get size(): number {
    return this.#ports.size;
  }

  /** How many openings were not taken in because a bound was reached. */
  get dropped(): number {
    return this.#dropped;
  }

  /** "known" also when the inventory is full: then the opening is counted in `dropped`. */
  opened(opening: PortOpening): "news" | "known" {
    const known = this.#ports.get(keyOf(opening));
    const entry = known ?? this.#admit(opening);
    if (entry === undefined) return "known";
    this.#addSocket(entry, opening);
    return known === undefined ? "news" : "known";
  }

  /** The port, when this was its last socket; undefined when it is still open or was not known. */
  closed(closing: PortClosing): OpenPort | undefined {
    const named = closing.socket === undefined ? undefined : this.#bySocket.get(closing.socket);
    if (named !== undefined && closing.socket !== undefined)
      return this.#socketClosed(named, closing.socket);
    for (const entry of this.#byPlace.get(placeOf(closing)) ?? []) {
      const unnamed = entry.unnamed(closing.address);
      if (unnamed !== undefined) return this.#socketClosed(entry, unnamed);
    }
    return undefined;
  }

  /** All ports of a container that is gone, now closed. */
  containerGone(container: string): OpenPort[] {
    return this.#removeAll([...(this.#byContainer.get(container) ?? [])]);
  }

  /**
   * Compares with what really listens in a namespace now (sock_diag), for sources that miss
   * closings: closes and returns the ports that are not in `listening`.
   */
  reconcile(namespace: number, listening: readonly { readonly port: number }[]): OpenPort[] {
    const ports = new Set(listening.map((listener) => listener.port));
    return this.#removeAll(
      [...this.#ports.values()].filter(
        (entry) => entry.opening.namespace === namespace && !ports.has(entry.opening.port),
      ),
    );
  }

  list(): OpenPort[] {
    return [...this.#ports.values()].map((entry) => entry.port());
  }

  #admit(opening: PortOpening): Entry | undefined {
    const siblings = this.#byContainer.get(opening.container ?? "")?.size ?? 0;
    if (this.#ports.size >= PORTS_MAX || siblings >= CONTAINER_PORTS_MAX) {
      this.#dropped += 1;
      return undefined;
    }
    const entry = new Entry(opening);
    this.#ports.set(keyOf(opening), entry);
    addTo(this.#byContainer, opening.container ?? "", entry);
    addTo(this.#byPlace, placeOf(opening), entry);
    return entry;
  }

  #addSocket(entry: Entry, { socket, address }: PortOpening): void {
    const told = `${keyOf(entry.opening)} ${address}`;
    // An alert, the inventory and a notice may tell of the same listen(2), in any order: who knows
    // less gives way.
    if (socket === undefined && entry.has(address)) return;
    if (socket !== undefined) this.#dropSocket(entry, told);
    if (typeof socket === "string" && entry.hasNamed(address)) return;
    const found = typeof socket === "bigint" ? entry.unnamed(address) : undefined;
    if (found !== undefined) this.#dropSocket(entry, found);
    if (entry.sockets.size >= PORT_SOCKETS_MAX) this.#dropped += 1;
    else this.#keepSocket(entry, socket ?? told, address);
  }

  #keepSocket(entry: Entry, identity: SocketIdentity, address: string): void {
    const before = this.#bySocket.get(identity);
    // The kernel gave the same memory to a new socket, and the closing of the old one was lost.
    if (before !== undefined && before !== entry) this.#socketClosed(before, identity);
    entry.sockets.set(identity, address);
    this.#bySocket.set(identity, entry);
  }

  #socketClosed(entry: Entry, identity: SocketIdentity): OpenPort | undefined {
    const port = entry.port();
    this.#dropSocket(entry, identity);
    if (entry.sockets.size > 0) return undefined;
    this.#removeAll([entry]);
    return port;
  }

  #dropSocket(entry: Entry, identity: SocketIdentity): void {
    entry.sockets.delete(identity);
    this.#bySocket.delete(identity);
  }

  #removeAll(entries: readonly Entry[]): OpenPort[] {
    const ports = entries.map((entry) => entry.port());
    for (const entry of entries) {
      this.#ports.delete(keyOf(entry.opening));
      for (const identity of entry.sockets.keys()) this.#bySocket.delete(identity);
      removeFrom(this.#byContainer, entry.opening.container ?? "", entry);
      removeFrom(this.#byPlace, placeOf(entry.opening), entry);
    }
    return ports;
  }
}

class Entry {
  /** The first. */
  readonly opening: PortOpening;
  /** Socket → address. */
  readonly sockets = new Map<SocketIdentity, string>();

  constructor(opening: PortOpening) {
    this.opening = opening;
  }

  port(): OpenPort {
    const { namespace, port, container, process, at, address } = this.opening;
    const addresses = [...new Set(this.sockets.values())];
    return {
      namespace,
      port,
      addresses: addresses.length > 0 ? addresses : [address],
      container,
      process,
      openedAt: at,
    };
  }

  has(address: string): boolean {
    return [...this.sockets.values()].includes(address);
  }

  /**
   * A socket at this address without a kernel address for a name: found by inventory or told by an
   * alert.
   */
  unnamed(address: string): string | undefined {
    for (const [identity, at] of this.sockets)
      if (typeof identity === "string" && at === address) return identity;
    return undefined;
  }

  hasNamed(address: string): boolean {
    for (const [identity, at] of this.sockets)
      if (typeof identity === "bigint" && at === address) return true;
    return false;
  }
}

function keyOf({ container, namespace, port }: PortOpening): string {
  return `${container ?? ""} ${namespace} ${port}`;
}

function placeOf({
  namespace,
  port,
}: {
  readonly namespace: number;
  readonly port: number;
}): string {
  return `${namespace} ${port}`;
}

function addTo(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  index.set(key, (index.get(key) ?? new Set()).add(entry));
}

function removeFrom(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = index.get(key);
  entries?.delete(entry);
  if (entries?.size === 0) index.delete(key);
}

/** Ports in all; and of one container, or of the host. */
export const PORTS_MAX = 16_384;
export const CONTAINER_PORTS_MAX = 2048;
const PORT_SOCKETS_MAX = 1024;
