import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { AppError } from "../lib/errors.ts";
import { check, type DescriptorWatch, lastErrno, libc, watchDescriptor } from "../libc/libc.ts";

/**
 * The kernel's process events over netlink (Documentation/driver-api/connector.rst,
 * include/uapi/linux/cn_proc.h).
 */
export class ProcConnector {
  readonly #fd: number;
  readonly #watch: DescriptorWatch;
  readonly #buffer = new Uint8Array(64 * 1024);
  #overruns = 0;

  /**
   * Throws `KERNEL_…` where the kernel has no connector, or without CAP_NET_ADMIN in the host's
   * namespaces.
   */
  constructor(onExec: (pid: number) => void) {
    this.#fd = check(
      libc.socket(AF_NETLINK, DGRAM_NONBLOCK_CLOEXEC, NETLINK_CONNECTOR),
      "open the process connector",
    );
    try {
      // As much as the kernel gives: what does not fit is lost.
      libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, u32(RECEIVE_BYTES), 4);
      const address = new ByteWriter()
        .u16LE(AF_NETLINK)
        .u16LE(0)
        .u32LE(0)
        .u32LE(CN_IDX_PROC)
        .finish();
      check(
        libc.bind(this.#fd, address, address.length),
        "listen to the process connector",
        "it needs CAP_NET_ADMIN, outside of containers",
      );
      const request = subscription();
      check(libc.send(this.#fd, request, request.length, 0), "subscribe to the process connector");
    } catch (thrown) {
      libc.close(this.#fd);
      throw thrown;
    }
    this.#watch = watchDescriptor(this.#fd);
    this.#watch.start(() => this.#drain(onExec));
  }

  /** Times that the kernel had more than fitted; how many events were lost it does not say. */
  get overruns(): number {
    return this.#overruns;
  }

  close(): void {
    this.#watch.stop();
    this.#watch.close();
    libc.close(this.#fd);
  }

  #drain(onExec: (pid: number) => void): void {
    for (let reads = 0; reads < MAX_READS; reads += 1) {
      const length = Number(libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0));
      if (length >= 0) {
        for (const pid of readExecs(this.#buffer.subarray(0, length))) onExec(pid);
        continue;
      }
      if (lastErrno() !== "ENOBUFS") return;
      this.#overruns += 1;
    }
  }
}

/**
 * The ids of processes that have started a program, in the messages of one datagram. Throws
 * `KERNEL_PROC_CONNECTOR` for what is cut short.
 */
export function readExecs(datagram: Uint8Array): number[] {
  const pids: number[] = [];
  const reader = new ByteReader(datagram, "KERNEL_PROC_CONNECTOR");
  while (reader.left >= NETLINK_HEADER) {
    const length = reader.u32LE("message length");
    if (length < NETLINK_HEADER)
      throw new AppError(
        "KERNEL_PROC_CONNECTOR",
        `Cannot read the process connector: a message of ${length} bytes`,
      );
    const body = reader.sub(length - 4, "message");
    reader.take(Math.min(reader.left, -length & 3), "padding");
    if (body.left < NETLINK_HEADER - 4 + CONNECTOR_HEADER + EVENT_HEADER + 8) continue;
    body.take(NETLINK_HEADER - 4 + CONNECTOR_HEADER, "headers");
    const what = body.u32LE("event");
    body.take(EVENT_HEADER - 4, "cpu and time");
    if (what !== PROC_EVENT_EXEC) continue;
    body.u32LE("thread");
    pids.push(body.u32LE("process"));
  }
  return pids;
}

function subscription(): Uint8Array {
  const message = new ByteWriter()
    .u32LE(NETLINK_HEADER + CONNECTOR_HEADER + 4)
    .u16LE(NLMSG_DONE)
    .u16LE(0)
    .u32LE(0)
    .u32LE(0);
  message.u32LE(CN_IDX_PROC).u32LE(CN_VAL_PROC).u32LE(0).u32LE(0).u16LE(4).u16LE(0);
  return message.u32LE(PROC_CN_MCAST_LISTEN).finish();
}

function u32(value: number): Uint8Array {
  return new ByteWriter().u32LE(value).finish();
}

const AF_NETLINK = 16;
const NETLINK_CONNECTOR = 11;
/** SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC: the same on x64 and arm64. */
const DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const RECEIVE_BYTES = 8 << 20;
const [CN_IDX_PROC, CN_VAL_PROC, PROC_CN_MCAST_LISTEN] = [1, 1, 1];
const NLMSG_DONE = 3;
const PROC_EVENT_EXEC = 2;
/** Bytes of struct nlmsghdr, of struct cn_msg, and of struct proc_event before its union. */
const [NETLINK_HEADER, CONNECTOR_HEADER, EVENT_HEADER] = [16, 20, 16];
/** Datagrams of one turn of the event loop. */
const MAX_READS = 1024;
