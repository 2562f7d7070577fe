import { unmappedText } from "../lib/ip-text.ts";

/** A connection of ours, as its ends are seen inside a network namespace. */
export interface OwnConnection {
  /** Inode of the network namespace. */
  readonly namespace: number;
  /** The end that is ours: an address of the namespace's own, and a port. */
  readonly ownAddress: string;
  readonly ownPort: number;
  /** The end that listens. */
  readonly peerPort: number;
}

/**
 * Connections that this process makes into containers to examine their ports: what they make the
 * programs there do is recognised by the socket's peer, and is no news. One is remembered for a
 * while after its last use, since events of it may still be under way.
 */
export class OwnConnections {
  /** Key → when it was made, in the order of the making. */
  readonly #made = new Map<string, number>();
  readonly #now: () => number;

  /** `now`: milliseconds, of a clock that does not jump. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(connection: OwnConnection): void {
    const now = this.#now();
    for (const [key, at] of this.#made) {
      if (now - at < REMEMBERED_MS && this.#made.size < CONNECTIONS_MAX) break;
      this.#made.delete(key);
    }
    const key = keyOf(connection);
    this.#made.delete(key);
    this.#made.set(key, now);
  }

  /** Whether a socket's peer is one of them. Hot: once a match. */
  has(connection: OwnConnection): boolean {
    const at = this.#made.get(keyOf(connection));
    return at !== undefined && this.#now() - at < REMEMBERED_MS;
  }
}

/** IPv4 that a socket of IPv6 sees (RFC 4291 §2.5.5.2) is the same. */
function keyOf({ namespace, ownAddress, ownPort, peerPort }: OwnConnection): string {
  return `${namespace} ${unmappedText(ownAddress)} ${ownPort} ${peerPort}`;
}

/** An examination's longest connection and what comes of it. */
const REMEMBERED_MS = 60_000;

const CONNECTIONS_MAX = 65_536;
