import type { Socket } from "node:net";

/**
 * Connections on which nobody has shown a token yet. Whoever is on this host may open them, and hold
 * them: where there are too many, the oldest of the address that has most of them goes, so that the
 * next one is always let in, and who holds many does not end those of others.
 */
export class Guests {
  /** By address and port: below TLS there is another socket than that of its requests. */
  readonly #sockets = new Map<string, Socket>();
  readonly #most: number;

  constructor(most = GUESTS_MAX) {
    this.#most = most;
  }

  arrived(socket: Socket): void {
    const key = keyOf(socket);
    this.#sockets.set(key, socket);
    socket.once("close", () => this.#sockets.delete(key));
    if (this.#sockets.size <= this.#most) return;
    const [leaving, oldest] = this.#oldestOfMost() ?? [];
    if (leaving !== undefined) this.#sockets.delete(leaving);
    oldest?.destroy();
  }

  /** Ends them: one amid a handshake of TLS is none of those that the server ends itself. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #oldestOfMost(): readonly [string, Socket] | undefined {
    const groups = Map.groupBy(this.#sockets, ([, { remoteAddress }]) => remoteAddress);
    const [most] = [...groups.values()].toSorted((one, other) => other.length - one.length);
    return most?.[0];
  }

  /** One that is logged in stays. */
  loggedIn(socket: Socket): void {
    this.#sockets.delete(keyOf(socket));
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const GUESTS_MAX = 192;
