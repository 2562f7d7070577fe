import { createHash } from "node:crypto";

/** Who opened a port. */
export interface PortProcess {
  readonly pid: number;
  /** The kernel's 15-byte name. */
  readonly comm: string;
  /** The executable's path. */
  readonly exepath: string;
  /** Arguments without argv[0], where they are known. */
  readonly args?: readonly string[];
}

/**
 * Where something listens, and who: what makes one opening another than the next. Workers of one
 * program (SO_REUSEPORT) are one; another address, namespace, container or program is another.
 */
export interface PortPlace {
  /** Inode of the network namespace. */
  readonly namespace: number;
  /** As text; `0.0.0.0` and `::` mean all addresses. */
  readonly address: string;
  readonly port: number;
  /** Full id of the container; absent on the host. */
  readonly container?: string | undefined;
  readonly process?: PortProcess | undefined;
}

/** A socket that has started to listen, or was found listening. */
export interface PortOpening extends PortPlace {
  /** Names the socket for its life; absent when the source cannot tell, such as a rule's alert. */
  readonly socket?: SocketIdentity | undefined;
  /** The socket's inode, 0 or absent when the source cannot tell. */
  readonly inode?: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * A socket's name: what the probe's notices call it, or `inode:N` from an inventory. The two cannot
 * be compared, so a closing also tells where the socket listened.
 */
export type SocketIdentity = bigint | string;

/** A socket that has stopped to listen. */
export interface PortClosing {
  readonly socket?: SocketIdentity | undefined;
  readonly namespace: number;
  readonly address: string;
  readonly port: number;
}

/** A port that something listens on. */
export interface OpenPort extends PortPlace {
  /** Milliseconds since the Unix epoch. */
  readonly openedAt: number;
}

/** One of its sockets. */
export interface OpenSocket extends OpenPort {
  readonly socket: SocketIdentity;
  readonly inode: number;
}

/**
 * Who listens. A port is news when its first socket starts to listen, and closed when its last one
 * stops. Bounded by PORTS_MAX in all and CONTAINER_PORTS_MAX for one container, so that none can
 * crowd out the others: what is beyond is counted in `dropped`.
 */
export class PortInventory {
  readonly #ports = new Map<string, Entry>();
  readonly #bySocket = new Map<SocketIdentity, Entry>();
  readonly #byContainer = new Map<string, Set<Entry>>();
  /** By namespace and number: the same number at several addresses, or of several programs. */
  readonly #byNumber = new Map<string, Set<Entry>>();
  #dropped = 0;

  /** How many ports are open. */
  get size(): number {
    return this.#ports.size;
  }

  /** How many openings were not taken in because a bound was reached. */
  get dropped(): number {
    return this.#dropped;
  }

  /** "full": there is no room for it, and it is counted in `dropped`. */
  opened(opening: PortOpening): "news" | "known" | "full" {
    const known = this.#ports.get(placeKey(opening));
    const entry = known ?? this.#admit(opening);
    if (entry === undefined) return "full";
    this.#addSocket(entry, opening);
    return known === undefined ? "news" : "known";
  }

  /** The port, when this was its last socket; undefined when it is still open or was not known. */
  closed(closing: PortClosing): OpenPort | undefined {
    const { socket, address } = closing;
    const named = socket === undefined ? undefined : this.#bySocket.get(socket);
    if (named !== undefined && socket !== undefined) return this.#socketClosed(named, socket);
    for (const entry of this.#byNumber.get(numberKey(closing)) ?? []) {
      const unnamed = entry.place.address === address ? entry.unnamed() : undefined;
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
  reconcile(
    namespace: number,
    listening: readonly Pick<PortPlace, "address" | "port">[],
  ): OpenPort[] {
    const there = new Set(listening.map(({ address, port }) => `${address} ${port}`));
    return this.#removeAll(
      [...this.#ports.values()].filter(
        ({ place }) =>
          place.namespace === namespace && !there.has(`${place.address} ${place.port}`),
      ),
    );
  }

  has(place: PortPlace): boolean {
    return this.#ports.has(placeKey(place));
  }

  /**
   * What listens for connections to an address: there, or at all addresses; undefined when nothing
   * is known to.
   */
  listenerOf(end: Omit<PortPlace, "process">): OpenPort | undefined {
    const candidates = [...(this.#byNumber.get(numberKey(end)) ?? [])].filter(
      ({ place }) => place.container === end.container,
    );
    const at = (address: string) => candidates.find(({ place }) => place.address === address);
    return (at(end.address) ?? at("0.0.0.0") ?? at("::"))?.place;
  }

  /** Whether anything listens on a number in a namespace. */
  isListening(namespace: number, port: number): boolean {
    return (this.#byNumber.get(numberKey({ namespace, port }))?.size ?? 0) > 0;
  }

  /** The sockets that are held to listen in a namespace, as far as their inodes are known. */
  sockets(namespace: number): OpenSocket[] {
    const found: OpenSocket[] = [];
    for (const { place, sockets } of this.#ports.values())
      if (place.namespace === namespace)
        for (const [socket, inode] of sockets)
          if (inode !== 0) found.push({ ...place, socket, inode });
    return found;
  }

  list(): OpenPort[] {
    return [...this.#ports.values()].map((entry) => entry.place);
  }

  #admit(opening: PortOpening): Entry | undefined {
    const siblings = this.#byContainer.get(opening.container ?? "")?.size ?? 0;
    if (this.#ports.size >= PORTS_MAX || siblings >= CONTAINER_PORTS_MAX) {
      this.#dropped += 1;
      return undefined;
    }
    const entry = new Entry(opening);
    this.#ports.set(placeKey(opening), entry);
    addTo(this.#byContainer, opening.container ?? "", entry);
    addTo(this.#byNumber, numberKey(opening), entry);
    return entry;
  }

  #addSocket(entry: Entry, { socket, inode = 0 }: PortOpening): void {
    const unseen = `unseen ${placeKey(entry.place)}`;
    // An alert, the inventory and a notice may tell of the same listen(2), in any order: who knows
    // less gives way.
    if (socket === undefined && entry.sockets.size > 0) return;
    if (socket !== undefined) this.#dropSocket(entry, unseen);
    if (typeof socket === "string" && entry.hasNamed()) return;
    const found = typeof socket === "bigint" ? entry.unnamed() : undefined;
    if (found !== undefined) this.#dropSocket(entry, found);
    if (entry.sockets.size >= PORT_SOCKETS_MAX) this.#dropped += 1;
    else this.#keepSocket(entry, socket ?? unseen, inode);
  }

  #keepSocket(entry: Entry, identity: SocketIdentity, inode: number): void {
    const before = this.#bySocket.get(identity);
    // The kernel gave the same memory to a new socket, and the closing of the old one was lost.
    if (before !== undefined && before !== entry) this.#socketClosed(before, identity);
    entry.sockets.set(identity, inode);
    this.#bySocket.set(identity, entry);
  }

  #socketClosed(entry: Entry, identity: SocketIdentity): OpenPort | undefined {
    this.#dropSocket(entry, identity);
    if (entry.sockets.size > 0) return undefined;
    this.#removeAll([entry]);
    return entry.place;
  }

  #dropSocket(entry: Entry, identity: SocketIdentity): void {
    entry.sockets.delete(identity);
    this.#bySocket.delete(identity);
  }

  #removeAll(entries: readonly Entry[]): OpenPort[] {
    for (const entry of entries) {
      this.#ports.delete(placeKey(entry.place));
      for (const identity of entry.sockets.keys()) this.#bySocket.delete(identity);
      removeFrom(this.#byContainer, entry.place.container ?? "", entry);
      removeFrom(this.#byNumber, numberKey(entry.place), entry);
    }
    return entries.map((entry) => entry.place);
  }
}

class Entry {
  readonly place: OpenPort;
  /** With their inodes, 0 where it is not known. */
  readonly sockets = new Map<SocketIdentity, number>();

  constructor({ namespace, address, port, container, process, at }: PortOpening) {
    this.place = { namespace, address, port, container, process, openedAt: at };
  }

  /** A socket that an inventory or an alert told of, not the kernel itself. */
  unnamed(): string | undefined {
    for (const identity of this.sockets.keys()) if (typeof identity === "string") return identity;
    return undefined;
  }

  hasNamed(): boolean {
    for (const identity of this.sockets.keys()) if (typeof identity === "bigint") return true;
    return false;
  }
}

/** Two openings of the same key are one: the arguments tell two programs of one interpreter apart. */
export function placeKey({ container, namespace, address, port, process }: PortPlace): string {
  return `${container ?? ""} ${namespace} ${address} ${port} ${programKey(process)}`;
}

function programKey(process: PortProcess | undefined): string {
  if (process === undefined) return "";
  const program = [process.exepath, ...(process.args ?? [])].join("\0");
  if (program.length <= PROGRAM_MAX) return program;
  return createHash("sha256").update(program).digest("base64");
}

function numberKey({ namespace, port }: Pick<PortPlace, "namespace" | "port">): string {
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
/** Ports of one container, or of the host. */
export const CONTAINER_PORTS_MAX = 2048;
const PORT_SOCKETS_MAX = 1024;
/** Characters of a program's path and arguments that are kept as they are. */
const PROGRAM_MAX = 128;
