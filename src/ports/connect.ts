import { closeSync } from "node:fs";
import { isIP, isIPv6, Socket, type SocketConstructorOpts } from "node:net";
import { nextTick } from "node:process";
import { AppError } from "../lib/errors.ts";
import { check, libc } from "../libc/libc.ts";
import { inNamespace, type NetworkNamespace } from "./network-namespace.ts";

/** How long a connection may take to be made, in milliseconds, and what ends it. */
export interface ConnectOptions {
  /** Milliseconds until the attempt is given up; default 3000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Receives our own end of each attempt as soon as the kernel has chosen it: before this process
   * can read any event that the connection causes elsewhere.
   */
  readonly onConnection?: (localAddress: string, localPort: number) => void;
}

/**
 * Connects from inside a namespace to `address`:`port`, so that also what listens on its 127.0.0.1
 * alone is reached. The socket is made inside and then connected by the event loop: a socket stays
 * in the namespace of its birth, and nothing blocks (about 0.3 ms on loopback, no thread). The
 * namespace may be closed afterwards.
 *
 * Rejects with `PEER_<ERRNO>` such as PEER_ECONNREFUSED, `PEER_TIMEOUT`, `PEER_ABORTED`;
 * `KERNEL_EPERM` without CAP_SYS_ADMIN. No descriptor is left.
 */
export async function connectInNamespace(
  namespace: NetworkNamespace,
  address: string,
  port: number,
  options: ConnectOptions = {},
): Promise<Socket> {
  const target = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  if (isIP(address) === 0)
    throw new AppError("BUG_CONNECT_ADDRESS", `Cannot connect to "${target}": not an IP address`);
  if (options.signal?.aborted === true)
    throw new AppError("PEER_ABORTED", `Cannot connect to "${target}": given up`);
  const socket = socketInside(namespace, isIPv6(address));
  try {
    await connected(socket, { host: address, port }, { target, ...options });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

/**
 * Connects to `address`:`port` from where this process is; `signal` ends the attempt and has no
 * hold on the socket afterwards. Rejects as `connectInNamespace`.
 */
export async function connectDirectly(
  address: string,
  port: number,
  options: ConnectOptions = {},
): Promise<Socket> {
  const socket = new Socket();
  try {
    await connected(
      socket,
      { host: address, port },
      { target: isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`, ...options },
    );
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

function socketInside(namespace: NetworkNamespace, six: boolean): Socket {
  const fd = inNamespace(namespace, () =>
    check(libc.socket(six ? AF_INET6 : AF_INET, STREAM_NONBLOCK_CLOEXEC, 0), "make a TCP socket"),
  );
  try {
    // net.Socket would start to read at once from a descriptor it is given; manualStart (Node's own
    // option, not in its types) waits for connect.
    return new Socket({ fd, manualStart: true } as SocketConstructorOpts);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function connected(
  socket: Socket,
  to: { host: string; port: number },
  { target, timeoutMs = 3000, signal, onConnection }: ConnectOptions & { target: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: AppError): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      socket.off("error", fail).off("connect", succeed);
      // What is destroyed may still report: nobody listens any more, and an unheard "error" would
      // end the process.
      if (error !== undefined) socket.on("error", () => undefined);
      if (error === undefined) resolve();
      else reject(error);
    };
    const succeed = (): void => settle();
    const fail = (cause: NodeJS.ErrnoException): void => {
      const errno = cause.code ?? "ERROR";
      settle(new AppError(`PEER_${errno}`, `Cannot connect to "${target}": ${errno}`, { cause }));
    };
    const abort = (): void =>
      settle(new AppError("PEER_ABORTED", `Cannot connect to "${target}": given up`));
    const timer = setTimeout(
      () =>
        settle(
          new AppError(
            "PEER_TIMEOUT",
            `Cannot connect to "${target}": no answer within ${timeoutMs} ms`,
          ),
        ),
      timeoutMs,
    );
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", fail).on("connect", succeed);
    socket.connect(to);
    // Node calls connect(2) in the next tick; it binds our end at once.
    if (onConnection !== undefined) nextTick(() => reportLocalEnd(socket, onConnection));
  });
}

function reportLocalEnd(
  { localAddress, localPort }: Socket,
  report: NonNullable<ConnectOptions["onConnection"]>,
): void {
  if (localAddress !== undefined && localPort !== undefined) report(localAddress, localPort);
}

/** include/linux/socket.h, include/linux/net.h: the same on x64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
