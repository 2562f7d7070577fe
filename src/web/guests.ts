import type { Socket } from "node:net";

/**
 * Connections on which nobody has shown a token yet. Whoever is on this host may open them, and hold
 * them: where there are too many, the oldest goes, so that the next one is always let in.
 */
export class Guests {
  readonly #sockets = new Set<Socket>();

  arrived(socket: Socket): void {
    const [oldest] = this.#sockets.size < GUESTS_MAX ? [] : this.#sockets;
    oldest?.destroy();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** One that is logged in stays. */
  loggedIn(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}

const GUESTS_MAX = 192;
