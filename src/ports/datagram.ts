import { createSocket } from "node:dgram";
import { closeSync } from "node:fs";
import { isIP, isIPv6 } from "node:net";
import { AppError } from "../lib/errors.ts";
import { check, libc } from "../libc/libc.ts";
import { inNamespace, type NetworkNamespace } from "./network-namespace.ts";

/** A UDP socket that talks to one port alone. */
export interface DatagramDoor {
  send(datagram: Uint8Array): void;
  /**
   * The next datagram; `silent` after that many milliseconds, `refused` when ICMP said that nobody
   * listens, or the socket failed.
   */
  receive(timeoutMs: number): Promise<Uint8Array | "silent" | "refused">;
  close(): void;
}

/**
 * Opens a UDP socket to `address`:`port`, born inside `namespace` where one is given; the namespace
 * may be closed afterwards. Throws `KERNEL_EPERM` without CAP_SYS_ADMIN.
 */
export async function openDatagram(
  namespace: NetworkNamespace | undefined,
  address: string,
  port: number,
): Promise<DatagramDoor> {
  if (isIP(address) === 0)
    throw new AppError(
      "BUG_CONNECT_ADDRESS",
      `Cannot open a datagram socket to "${address}": not an IP address`,
    );
  const six = isIPv6(address);
  const socket = createSocket(six ? "udp6" : "udp4");
  const waiting: Uint8Array[] = [];
  let [isRefused, wake] = [false, (): void => undefined];
  socket.on("message", (message) => {
    if (waiting.length < MAX_WAITING) waiting.push(message);
    wake();
  });
  socket.on("error", () => {
    isRefused = true;
    wake();
  });
  // Done at once: a descriptor is bound without the event loop.
  if (namespace !== undefined) bindInside(namespace, { six, bind: (fd) => socket.bind({ fd }) });
  await new Promise<void>((resolve) => {
    wake = resolve;
    // No way there, say: Node hands the error to the callback, which its types do not have.
    socket.connect(port, address, (error?: Error | null) => {
      isRefused ||= error !== undefined && error !== null;
      resolve();
    });
  });
  return {
    send: (datagram) => {
      if (isRefused) return;
      socket.send(datagram, (error) => {
        if (error === null) return;
        isRefused = true;
        wake();
      });
    },
    receive: async (timeoutMs) => {
      if (waiting.length === 0 && !isRefused) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return waiting.shift() ?? (isRefused ? "refused" : "silent");
    },
    close: () => socket.close(),
  };
}

function bindInside(
  namespace: NetworkNamespace,
  { six, bind }: { six: boolean; bind: (fd: number) => void },
): void {
  const fd = inNamespace(namespace, () =>
    check(libc.socket(six ? AF_INET6 : AF_INET, DGRAM_NONBLOCK_CLOEXEC, 0), "make a UDP socket"),
  );
  try {
    bind(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Datagrams kept until they are asked for; what comes on top is lost, as UDP may lose. */
const MAX_WAITING = 64;

/** include/linux/socket.h, include/linux/net.h: the same on x64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
