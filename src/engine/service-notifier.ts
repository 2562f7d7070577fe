import { check, libc } from "../libc/libc.ts";
import { messageOf } from "../lib/errors.ts";

/** Which service manager is notified, as its environment variables say (sd_notify(3)). */
export interface ServiceNotifierOptions {
  /** NOTIFY_SOCKET: a path, or `@` and an abstract name (unix(7)). */
  readonly socket: string;
  /** How often the service manager waits for a sign of life at most; undefined: not at all. */
  readonly watchdogMs?: number | undefined;
  /** What cannot be sent, once. */
  readonly onProblem: (text: string) => void;
}

/**
 * Reports to a service manager (sd_notify(3)): a datagram to its socket for each state. Never
 * throws, never waits: a manager that does not read misses it.
 */
export class ServiceNotifier {
  readonly watchdogMs: number | undefined;
  readonly #address: Uint8Array | undefined;
  readonly #onProblem: (text: string) => void;
  #hasFailed = false;

  constructor({ socket, watchdogMs, onProblem }: ServiceNotifierOptions) {
    this.watchdogMs = watchdogMs;
    this.#onProblem = onProblem;
    this.#address = socketAddress(socket);
    if (this.#address === undefined) this.#fail(`"${socket}" is no socket's name`);
  }

  /** The start is over: from here on the manager watches. */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  /** A sign of life, to be given at least every half of `watchdogMs`. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }

  status(text: string): void {
    this.#send(`STATUS=${oneLine(text)}`);
  }

  stopping(): void {
    this.#send("STOPPING=1");
  }

  #send(state: string): void {
    if (this.#address === undefined) return;
    let fd = -1;
    try {
      fd = check(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open it");
      check(libc.connect(fd, this.#address, this.#address.length), "reach it");
      const bytes = Buffer.from(state);
      check(libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL), "send to it");
    } catch (thrown) {
      this.#fail(messageOf(thrown));
    } finally {
      if (fd >= 0) libc.close(fd);
    }
  }

  #fail(reason: string): void {
    if (!this.#hasFailed) this.#onProblem(`Cannot notify the service manager: ${reason}`);
    this.#hasFailed = true;
  }
}

/**
 * The service manager that has started this process; undefined when none has. WATCHDOG_USEC counts
 * where WATCHDOG_PID is this process, or nobody.
 */
export function serviceNotifierOf(
  environment: Readonly<Record<string, string | undefined>>,
  { ownPid, onProblem }: { ownPid: number; onProblem: (text: string) => void },
): ServiceNotifier | undefined {
  const socket = environment["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return undefined;
  const micros = Number(environment["WATCHDOG_USEC"] ?? 0);
  const isOurs = ["", String(ownPid)].includes(environment["WATCHDOG_PID"] ?? "");
  const watchdogMs = isOurs && micros > 0 ? micros / 1000 : undefined;
  return new ServiceNotifier({ socket, watchdogMs, onProblem });
}

/** struct sockaddr_un: an abstract name has no NUL at its end, and one at its beginning. */
function socketAddress(socket: string): Uint8Array | undefined {
  const isAbstract = socket.startsWith("@");
  if (!isAbstract && !socket.startsWith("/")) return undefined;
  const name = Buffer.from(isAbstract ? `\0${socket.slice(1)}` : `${socket}\0`);
  if (name.length > MAX_NAME) return undefined;
  return Uint8Array.of(AF_UNIX, 0, ...name);
}

function oneLine(text: string): string {
  return text.replaceAll("\n", " ");
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MAX_NAME = 108;
