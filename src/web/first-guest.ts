import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { listening, type WebPlace, type WebServer } from "./listen.ts";

/**
 * Listens, and has `begin` make the server that takes over once somebody comes: HTTP and what answers
 * by it take some ten megabytes, and most pages are looked at by nobody. Who comes meanwhile waits;
 * when `begin` rejects, which `onProblem` is told, all of these are sent away, and the next one has it
 * begin anew. Rejects when the port is taken.
 */
export async function awaitFirstGuest(
  { address, port }: WebPlace,
  begin: (listener: Server) => Promise<GuestServer>,
  onProblem: (thrown: unknown) => void,
): Promise<WebServer> {
  const waiting = new Set<Socket>();
  let beginning: Promise<GuestServer | undefined> | undefined;
  // As node:http has its own; nothing is read before there is somebody who does.
  const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  listener.maxConnections = WAITING_MAX;
  listener.on("connection", (socket) => {
    waiting.add(socket.on("error", NOTHING).once("close", () => waiting.delete(socket)));
    beginning ??= begin(listener).then(
      (server) => {
        for (const guest of waiting) server.welcome(guest.off("error", NOTHING));
        waiting.clear();
        return server;
      },
      (thrown: unknown) => {
        onProblem(thrown);
        for (const guest of waiting) guest.destroy();
        beginning = undefined;
        return undefined;
      },
    );
  });
  await listening(listener, { port, host: address });
  return {
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      const server = await beginning;
      if (server !== undefined) return server.close();
      listener.close();
      for (const guest of waiting) guest.destroy();
    },
  };
}

/** A server that may take over. */
export interface GuestServer extends WebServer {
  /** Serves somebody who came before it. */
  welcome(guest: Socket): void;
}

const NOTHING = (): void => undefined;
const WAITING_MAX = 256;
