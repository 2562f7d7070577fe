import { readFileSync } from "node:fs";
import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { errnoOf } from "../lib/errno.ts";
import { AppError } from "../lib/errors.ts";
import { hostPath } from "../lib/host-root.ts";
import { ipText, unmapped } from "../lib/ip-text.ts";
import { check, libc } from "../libc/libc.ts";
import { inNamespace, type NetworkNamespace } from "./network-namespace.ts";

/** A TCP socket that listens. */
export interface Listener {
  /**
   * As text; `0.0.0.0` and `::` mean all addresses. Of an IPv6 socket on an IPv4 address
   * (`::ffff:a.b.c.d`, as Java binds all) it is that, as events have it.
   */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** The socket's inode, as in `readlink /proc/PID/fd/N` → `socket:[inode]`. */
  readonly inode: number;
  readonly uid: number;
  /** Of `::`: takes no IPv4 (IPV6_V6ONLY, ipv6(7)); absent where that is not known. */
  readonly isIpv6Only?: boolean;
}

/**
 * The listening TCP sockets of a namespace, v4 then v6, at most LISTENERS_MAX: from sock_diag
 * (about 55 µs), else from /proc/PID/net/tcp. Synchronous. Throws an AppError when neither can be
 * read.
 */
export function listListeners(namespace: NetworkNamespace): Listener[] {
  try {
    return socketsFromKernel(namespace, TCP_LISTENING);
  } catch (error) {
    if (namespace.pid === undefined) throw error;
    return listListenersOfProcess(namespace.pid);
  }
}

/**
 * Those of one port, which the kernel picks out: where a namespace has twenty thousand, all would
 * take 25 ms. Otherwise as `listListeners`.
 */
export function listListenersOn(namespace: NetworkNamespace, port: number): Listener[] {
  try {
    return socketsFromKernel(namespace, { ...TCP_LISTENING, port });
  } catch (error) {
    if (namespace.pid === undefined) throw error;
    return listListenersOfProcess(namespace.pid).filter((listener) => listener.port === port);
  }
}

/**
 * The ports of a namespace that UDP sockets are bound to without a peer, at most LISTENERS_MAX.
 * Synchronous. Throws an AppError when they cannot be asked for.
 */
export function listUdpPorts(namespace: NetworkNamespace): ReadonlySet<number> {
  return new Set(socketsFromKernel(namespace, UDP_BOUND).map(({ port }) => port));
}

/**
 * As `listListeners`, from /proc/PID/net/tcp and tcp6: needs no privilege for entering a namespace, but is 160
 * times slower.
 */
export function listListenersOfProcess(pid: number): Listener[] {
  const read = (file: string): string => {
    try {
      return readFileSync(hostPath(`/proc/${pid}/net/${file}`), "latin1");
    } catch (cause) {
      if (file === "tcp6") return ""; // no IPv6 in this kernel
      throw new AppError(
        "KERNEL_PROC_NET",
        `Cannot read "/proc/${pid}/net/${file}": ${errnoOf(cause)}`,
        { cause },
      );
    }
  };
  return [...parseProcNetTcp(read("tcp")), ...parseProcNetTcp(read("tcp6"))].slice(
    0,
    LISTENERS_MAX,
  );
}

/**
 * Lines of /proc/net/tcp{,6} in state LISTEN (Documentation/networking/proc_net_tcp.rst); what is
 * not such a line is left out.
 */
export function parseProcNetTcp(text: string): Listener[] {
  const line =
    /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)/gm;
  return [...text.matchAll(line)].map(([, address = "", port = "", uid, inode]) => ({
    ...placeOf(procAddress(address)),
    port: Number.parseInt(port, 16),
    inode: Number(inode),
    uid: Number(uid),
  }));
}

function placeOf(bytes: Uint8Array): Pick<Listener, "address" | "family"> {
  const address = unmapped(bytes);
  return { address: ipText(address), family: address.length === 4 ? 4 : 6 };
}

/** The address is printed as 32-bit words in the host's order, that is little-endian. */
function procAddress(hex: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  for (let word = 0; word < bytes.length; word += 4) bytes.subarray(word, word + 4).reverse();
  return bytes;
}

/** Which sockets are meant: a protocol, a mask of states, and one port or all. */
interface Wanted {
  readonly protocol: number;
  readonly states: number;
  readonly port?: number;
}

function socketsFromKernel(namespace: NetworkNamespace, wanted: Wanted): Listener[] {
  const fd = inNamespace(namespace, () =>
    check(libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG), "open sock_diag"),
  );
  try {
    return [...dump(fd, AF_INET, wanted), ...dump(fd, AF_INET6, wanted)].slice(0, LISTENERS_MAX);
  } finally {
    libc.close(fd);
  }
}

function dump(fd: number, family: number, wanted: Wanted): Listener[] {
  const request = dumpRequest(family, wanted);
  check(libc.send(fd, request, request.length, 0), "ask sock_diag for sockets");
  const found: Listener[] = [];
  const buffer = new Uint8Array(RECEIVE_BYTES);
  // The kernel fills the answer while it is read, so a message is always there; a bound all the
  // same.
  for (let reads = 0; reads < READS_MAX; reads += 1) {
    const length = check(libc.recv(fd, buffer, buffer.length, MSG_DONTWAIT), "read sock_diag");
    if (parseDump(buffer.subarray(0, length), found)) return found;
  }
  throw new AppError("KERNEL_SOCK_DIAG", `Cannot read sock_diag: more than ${READS_MAX} messages`);
}

/**
 * Adds what one read brought; true at the dump's end (include/uapi/linux/netlink.h, inet_diag.h).
 */
export function parseDump(bytes: Uint8Array, found: Listener[]): boolean {
  const reader = new ByteReader(bytes, "KERNEL_SOCK_DIAG");
  while (reader.left >= NETLINK_HEADER) {
    const length = reader.u32LE("message length");
    const type = reader.u16LE("message type");
    reader.take(NETLINK_HEADER - 6, "message header");
    const body = reader.sub(length - NETLINK_HEADER, "message");
    reader.take(Math.min(reader.left, -length & 3), "padding");
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) {
      const errno = -Number(BigInt.asIntN(32, BigInt(body.u32LE("error"))));
      throw new AppError(
        "KERNEL_SOCK_DIAG",
        `Cannot list listening sockets: sock_diag says errno ${errno}`,
      );
    }
    if (type === SOCK_DIAG_BY_FAMILY) found.push(listenerFrom(body));
  }
  return false;
}

/** struct inet_diag_msg, and of the attributes after it the one that is needed. */
function listenerFrom(body: ByteReader): Listener {
  const size = body.u8("family") === AF_INET6 ? 16 : 4;
  body.take(3, "state, timer, retransmits");
  const port = body.u16("source port");
  body.take(2, "destination port");
  const place = placeOf(body.take(16, "source address").subarray(0, size));
  body.take(16 + 4 + 8 + 12, "destination, interface, cookie, expiry, queues");
  const uid = body.u32LE("uid");
  const inode = body.u32LE("inode");
  const isIpv6Only = place.address === "::" ? ipv6OnlyOf(body) : undefined;
  return { ...place, port, inode, uid, ...(isIpv6Only === undefined ? {} : { isIpv6Only }) };
}

/** struct nlattr (include/uapi/linux/netlink.h): length, type, value, padded to four bytes. */
function ipv6OnlyOf(attributes: ByteReader): boolean | undefined {
  while (attributes.left >= ATTRIBUTE_HEADER) {
    const length = attributes.u16LE("attribute length");
    const type = attributes.u16LE("attribute type");
    const value = attributes.sub(length - ATTRIBUTE_HEADER, "attribute");
    attributes.take(Math.min(attributes.left, -length & 3), "padding");
    if (type === INET_DIAG_SKV6ONLY) return value.u8("IPV6_V6ONLY") === 1;
  }
  return undefined;
}

/** struct nlmsghdr, struct inet_diag_req_v2 and the filter. */
function dumpRequest(family: number, { protocol, states, port }: Wanted): Uint8Array {
  const filter = port === undefined ? new Uint8Array() : portFilter(port);
  const writer = new ByteWriter();
  writer
    .u32LE(NETLINK_HEADER + 56 + filter.length)
    .u16LE(SOCK_DIAG_BY_FAMILY)
    .u16LE(NLM_F_REQUEST_DUMP)
    .u32LE(1)
    .u32LE(0);
  writer.u8(family).u8(protocol).u8(0).u8(0).u32LE(states);
  return writer.bytes(new Uint8Array(48)).bytes(filter).finish();
}

/**
 * A program of struct inet_diag_bc_op (code, length when true, length when false; its operand in a
 * second one): port >= P and port <= P. A jump beyond the end refuses the socket
 * (net/ipv4/inet_diag.c, inet_diag_bc_run).
 */
function portFilter(port: number): Uint8Array {
  const writer = new ByteWriter().u16LE(ATTRIBUTE_HEADER + 16).u16LE(INET_DIAG_REQ_BYTECODE);
  writer.u8(INET_DIAG_BC_S_GE).u8(8).u16LE(20).u16LE(0).u16LE(port);
  return writer.u8(INET_DIAG_BC_S_LE).u8(8).u16LE(12).u16LE(0).u16LE(port).finish();
}

/** More listening sockets in one namespace than this are not looked at. */
export const LISTENERS_MAX = 65_536;

const READS_MAX = 4096;
const RECEIVE_BYTES = 65_536;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const NETLINK_HEADER = 16;
const ATTRIBUTE_HEADER = 4;
const INET_DIAG_SKV6ONLY = 11;
const INET_DIAG_REQ_BYTECODE = 1;
const INET_DIAG_BC_S_GE = 2;
const INET_DIAG_BC_S_LE = 3;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const SOCK_DIAG_BY_FAMILY = 20;
const MSG_DONTWAIT = 0x40;
/** Protocol numbers of IANA; states of include/net/tcp_states.h, which UDP's sockets have, too. */
const TCP_LISTENING: Wanted = { protocol: 6, states: 1 << 10 };
const UDP_BOUND: Wanted = { protocol: 17, states: 1 << 7 };
