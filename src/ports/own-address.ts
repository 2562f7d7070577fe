import { isIPv6 } from "node:net";
import { ByteReader } from "../lib/byte-reader.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { AppError } from "../lib/errors.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { check, libc } from "../libc/libc.ts";
import { inNamespace, type NetworkNamespace } from "./network-namespace.ts";

/**
 * True when packets for an address stay inside the namespace: loopback, or an address of one of its
 * interfaces. A socket may listen on others (IP_FREEBIND, ip(7)), and a connection there would
 * reach somebody else. Asks the kernel's routing table (rtnetlink(7)); synchronous, some 30 µs.
 * Throws `KERNEL_…` when it cannot be asked.
 */
export function isOwnAddress(namespace: NetworkNamespace, address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined)
    throw new AppError("BUG_ADDRESS", `Cannot ask for the route to "${address}": no IP address`);
  const fd = inNamespace(namespace, () =>
    check(libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE), "open rtnetlink"),
  );
  try {
    const request = routeRequest(bytes, isIPv6(address) ? AF_INET6 : AF_INET);
    check(libc.send(fd, request, request.length, 0), `ask for the route to ${address}`);
    const answer = new Uint8Array(RECEIVE_BYTES);
    const length = check(libc.recv(fd, answer, answer.length, MSG_DONTWAIT), "read rtnetlink");
    return routeType(answer.subarray(0, length)) === RTN_LOCAL;
  } finally {
    libc.close(fd);
  }
}

/** struct nlmsghdr, struct rtmsg and the attribute RTA_DST (include/uapi/linux/rtnetlink.h). */
function routeRequest(address: Uint8Array, family: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u32LE(NETLINK_HEADER + RTMSG + 4 + address.length);
  writer.u16LE(RTM_GETROUTE).u16LE(NLM_F_REQUEST).u32LE(1).u32LE(0);
  writer.u8(family).u8(address.length * 8);
  writer.bytes(new Uint8Array(RTMSG - 2));
  return writer
    .u16LE(4 + address.length)
    .u16LE(RTA_DST)
    .bytes(address)
    .finish();
}

/** Undefined where there is no route. */
function routeType(bytes: Uint8Array): number | undefined {
  const reader = new ByteReader(bytes, "KERNEL_RTNETLINK");
  reader.take(4, "message length");
  const type = reader.u16LE("message type");
  reader.take(NETLINK_HEADER - 6, "message header");
  if (type !== RTM_NEWROUTE) return undefined;
  reader.take(7, "route's family to scope");
  return reader.u8("route's type");
}

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;
const NETLINK_HEADER = 16;
const RTMSG = 12;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTN_LOCAL = 2;
const NLM_F_REQUEST = 1;
const MSG_DONTWAIT = 0x40;
const RECEIVE_BYTES = 4096;
