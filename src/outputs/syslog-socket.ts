import { setTimeout as sleep } from "node:timers/promises";
import { lastErrno, libc } from "../libc/libc.ts";
import type { Answer } from "./destination.ts";

/** Of include/linux/socket.h and include/linux/net.h. */
const [AF_UNIX, SOCK_STREAM, SOCK_DGRAM] = [1, 1, 2];
const [SOCK_NONBLOCK, SOCK_CLOEXEC] = [0o4000, 0o2000000];
const MSG_NOSIGNAL = 0x4000;
/** Of struct sockaddr_un, its NUL included (unix(7)). */
const MAX_PATH = 108;

const BUSY_MS = 5;

/**
 * The host's syslog: a unix datagram socket, or a stream where the server has one (syslog(3) tries
 * both). Node has no unix datagrams, so the C library is called. Nothing blocks.
 */
export class SyslogSocket {
  readonly #path: string;
  #fd: number | undefined;
  #isStream = false;
  /** What a stream has not taken of a message that was begun. */
  #rest: Uint8Array = new Uint8Array();

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when it is connected, else why it is not, in words. */
  connect(): string | undefined {
    if (this.#fd !== undefined) return undefined;
    const errno = this.#open(SOCK_DGRAM);
    // EPROTOTYPE: a server is there, with a stream.
    const problem = errno === "EPROTOTYPE" ? this.#open(SOCK_STREAM) : errno;
    return problem === undefined ? undefined : `${REASONS[problem] ?? "it fails"} (${problem})`;
  }

  /** Sends messages; a server that was started anew is connected to again. */
  async send(messages: readonly string[], signal: AbortSignal): Promise<Answer> {
    let [delivered, isFresh] = [0, this.#fd === undefined];
    while (delivered < messages.length) {
      const problem = this.connect();
      if (problem !== undefined) return { delivered, reason: problem };
      const errno = this.#sendOne(messages[delivered] as string);
      if (errno === undefined) delivered += 1;
      else if (errno === "EMSGSIZE")
        return { delivered, refused: 1, reason: "an alert is longer than a datagram may be" };
      else if (errno !== "EAGAIN" && errno !== "ENOBUFS") {
        this.close();
        if (isFresh) return { delivered, reason: `${REASONS[errno] ?? "it fails"} (${errno})` };
        isFresh = true;
      } else if (signal.aborted) return { delivered, reason: "its server does not read" };
      else await sleep(BUSY_MS);
    }
    return { delivered };
  }

  close(): void {
    if (this.#fd !== undefined) libc.close(this.#fd);
    this.#fd = undefined;
    this.#rest = new Uint8Array();
  }

  /** The errno of what failed. */
  #open(type: number): string | undefined {
    const fd = libc.socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return lastErrno();
    const address = socketAddress(this.#path);
    if (address === undefined) {
      libc.close(fd);
      return "ENAMETOOLONG";
    }
    if (libc.connect(fd, address, address.length) < 0) {
      const errno = lastErrno();
      libc.close(fd);
      return errno;
    }
    [this.#fd, this.#isStream] = [fd, type === SOCK_STREAM];
    return undefined;
  }

  /** The errno of what failed; undefined when the whole message is sent. */
  #sendOne(message: string): string | undefined {
    // In a stream a NUL ends a message, as the C library has it.
    if (this.#rest.length === 0)
      this.#rest = Buffer.from(this.#isStream ? `${message}\0` : message);
    while (this.#rest.length > 0) {
      const sent = Number(libc.send(this.#fd, this.#rest, this.#rest.length, MSG_NOSIGNAL));
      if (sent < 0) {
        const errno = lastErrno();
        if (!this.#isStream) this.#rest = new Uint8Array();
        return errno;
      }
      this.#rest = this.#isStream ? this.#rest.subarray(sent) : new Uint8Array();
    }
    return undefined;
  }
}

/** struct sockaddr_un of a path; undefined when it is too long for one. */
function socketAddress(path: string): Uint8Array | undefined {
  const bytes = Buffer.from(path);
  if (bytes.length >= MAX_PATH) return undefined;
  const address = new Uint8Array(2 + MAX_PATH);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no syslog",
  ECONNREFUSED: "no syslog server listens",
  ECONNRESET: "its server has ended",
  ENOTCONN: "its server has ended",
  EPIPE: "its server has ended",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOTSOCK: "it is no socket",
  ENAMETOOLONG: "its path is too long for a socket",
};
