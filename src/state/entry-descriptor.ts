import { OPEN_FLAGS } from "../events/flag-names.ts";
import type { SocketEnd } from "../events/socket-address.ts";
import { ipText, isMapped, isUnspecified } from "../lib/ip-text.ts";
import { type Descriptor, NO_DESCRIPTOR } from "./descriptor.ts";
import { DESCRIPTOR_ENTRY_TYPES as TYPES, type DescriptorEntry } from "./host-entries.ts";

/** True for an address of one of the host's interfaces. */
export type IsLocal = (address: Uint8Array) => boolean;

/** fd.typechar by `scap_fd_type`. */
const KINDS: Readonly<Record<number, string>> = {
  [TYPES.UNKNOWN]: "o",
  [TYPES.FILE]: "f",
  [TYPES.FILE_V2]: "f",
  [TYPES.DIRECTORY]: "d",
  [TYPES.IPV4_SOCK]: "4",
  [TYPES.IPV4_SERVSOCK]: "4",
  [TYPES.IPV6_SOCK]: "6",
  [TYPES.IPV6_SERVSOCK]: "6",
  [TYPES.FIFO]: "p",
  [TYPES.UNIX_SOCK]: "u",
  [TYPES.EVENT]: "e",
  [TYPES.UNSUPPORTED]: "X",
  [TYPES.SIGNALFD]: "s",
  [TYPES.EVENTPOLL]: "l",
  [TYPES.INOTIFY]: "i",
  [TYPES.TIMERFD]: "t",
  [TYPES.NETLINK]: "n",
  [TYPES.BPF]: "b",
  [TYPES.USERFAULTFD]: "U",
  [TYPES.IOURING]: "r",
  [TYPES.MEMFD]: "m",
  [TYPES.PIDFD]: "P",
};

/** `scap_l4_proto`. */
const PROTOCOLS = [undefined, "tcp", "udp", "icmp", "raw"] as const;

/** A descriptor as the list at the start of a capture tells it. */
export function descriptorOfEntry(entry: DescriptorEntry, isLocal: IsLocal): Descriptor {
  const protocol = PROTOCOLS[entry.protocol];
  const common = {
    ...NO_DESCRIPTOR,
    number: entry.number,
    inode: entry.inode,
    device: entry.device,
    kind: KINDS[entry.type] ?? "o",
    createdProtocol: protocol,
    closedOnExec: entry.type === TYPES.FILE_V2 && (entry.openFlags & OPEN_FLAGS.O_CLOEXEC) !== 0,
  };
  const { source, destination } = entry;
  if (source === undefined) return { ...common, name: entry.name };
  if (destination === undefined) return { ...common, protocol, ...serverSocket(source) };
  // Who called whom is not told: the protocol shows when an event makes it known, as in the real
  // engine.
  return { ...common, ...connectedSocket(source, destination, isLocal) };
}

/** The ends of a connection: the source is the client's. */
export function connectedSocket(source: SocketEnd, destination: SocketEnd, isLocal: IsLocal) {
  const isIpv4 = hasIpv4(source) && hasIpv4(destination);
  const [client, server] = [ownEnd(source, isIpv4), ownEnd(destination, isIpv4)];
  const [local, remote] = isLocal(client.address) ? [client, server] : [server, client];
  return {
    kind: isIpv4 ? "4" : "6",
    client,
    server,
    local,
    remote,
    isServer: isLocal(server.address),
    name: `${endText(client)}->${endText(server)}`,
  } as const;
}

/**
 * A socket that has one end, and waits there. One that waits at all addresses of IPv6 counts as one
 * of IPv4, as in the real engine.
 */
export function serverSocket(end: SocketEnd) {
  const isIpv4 = hasIpv4(end) || isUnspecified(end.address);
  const server = ownEnd(end, isIpv4);
  return {
    kind: isIpv4 ? "4" : "6",
    server,
    local: server,
    remote: undefined,
    client: undefined,
    name: endText(end),
    isServer: true,
  } as const;
}

function hasIpv4({ address }: SocketEnd): boolean {
  return address.length === 4 || isMapped(address);
}

/** The end in memory of its own: an event's goes with it. */
function ownEnd({ address, port }: SocketEnd, isIpv4: boolean): SocketEnd {
  return { address: isIpv4 ? address.slice(-4) : address.slice(), port };
}

/** `ADDRESS:PORT`, as names of sockets have it (without brackets around IPv6). */
export function endText({ address, port }: SocketEnd): string {
  return `${ipText(address)}:${port}`;
}
