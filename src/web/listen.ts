import type { Server } from "node:http";
import type { AddressInfo, ListenOptions, Server as Listener, Socket } from "node:net";
import type { GuestServer } from "./first-guest.ts";
import type { Guests } from "./guests.ts";

/** A server that listens. */
export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Where a server listens; port 0 for any. */
export interface WebPlace {
  readonly address: string;
  readonly port: number;
  /** Who listens there already, and is taken over. */
  readonly listener?: Listener | undefined;
}

/**
 * Has a server listen, and all who come be its guests: of TLS, too, before its handshake, for who
 * never ends one would hold the others' room. Its end waits for nobody. Rejects when the port is
 * taken.
 */
export async function listen(
  server: Server,
  { address, port, listener }: WebPlace,
  guests: Guests,
): Promise<GuestServer> {
  server.on("connection", (socket: Socket) => guests.arrived(socket));
  await listening(server, listener ?? { port, host: address });
  return {
    port: (server.address() as AddressInfo).port,
    welcome: (guest) => {
      server.emit("connection", guest);
      guest.resume();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      guests.close();
      await closed;
    },
  };
}

/** Resolves when the server listens; rejects when the port is taken. */
export function listening(server: Listener, at: ListenOptions | Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, resolve);
  });
}
