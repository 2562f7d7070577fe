import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
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
}

/**
 * Has a server listen, and all who come be its guests: of TLS, too, before its handshake, for who
 * never ends one would hold the others' room. Its end waits for nobody. Rejects when the port is
 * taken.
 */
export async function listen(
  server: Server,
  { address, port }: WebPlace,
  guests: Guests,
): Promise<WebServer> {
  server.on("connection", (socket: Socket) => guests.arrived(socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      guests.close();
      await closed;
    },
  };
}
