import { OPEN_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import {
  readSockaddr,
  readTuple,
  type SocketAddress,
  type SocketEnd,
} from "../events/socket-address.ts";
import { isUnspecified } from "../lib/ip-text.ts";
import { type Descriptor, isConnectFailure, NO_DESCRIPTOR } from "./descriptor.ts";
import { connectedSocket, endText, serverSocket } from "./entry-descriptor.ts";
import type { Thread } from "./thread.ts";
import type { Change, ThreadTable } from "./thread-table.ts";
import { unknownDescriptor } from "./unknown-descriptor.ts";

// Calls that make a socket, give it an address or a peer, or send and receive.

const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16];
const FAMILY_KINDS: Readonly<Record<number, string>> = {
  [AF_UNIX]: "u",
  [AF_INET]: "4",
  [AF_INET6]: "6",
  [AF_NETLINK]: "n",
};
const [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW] = [1, 2, 3];

export function applySocket(table: ThreadTable, thread: Thread, event: Event): void {
  const number = event.int(0) ?? -1;
  if (number < 0) return;
  const family = event.uint(1) ?? 0;
  const isIp = family === AF_INET || family === AF_INET6;
  const createdProtocol = isIp ? protocolOf(event.uint(2) ?? 0, event.uint(3) ?? 0) : undefined;
  // An address that is not set counts as local among addresses of IPv6, as in the real engine.
  const isServer = family === AF_INET6 && table.addresses.isLocal(UNSPECIFIED_6);
  table.open(thread, {
    ...NO_DESCRIPTOR,
    number,
    kind: FAMILY_KINDS[family] ?? "o",
    createdProtocol,
    isServer,
  });
}

const UNSPECIFIED_6 = new Uint8Array(16);

/** Numbers of IPPROTO: 0 leaves the choice to the socket's type. */
function protocolOf(type: number, protocol: number): Descriptor["protocol"] {
  const kind = type & 0xff;
  switch (protocol) {
    case 0:
      return kind === SOCK_STREAM ? "tcp" : kind === SOCK_DGRAM ? "udp" : undefined;
    case 1:
      return kind === SOCK_RAW ? "raw" : "icmp";
    case 6:
      return kind === SOCK_RAW ? "raw" : "tcp";
    case 17:
      return kind === SOCK_RAW ? "raw" : "udp";
    case 255:
      return "raw";
    default:
      return undefined;
  }
}

export function applyBind(table: ThreadTable, thread: Thread, event: Event): void {
  const socket = table.descriptor;
  const address = readSockaddr(event, 1);
  if (
    (event.int(0) ?? -1) < 0 ||
    socket === undefined ||
    socket.isUnknown === true ||
    address === undefined
  )
    return;
  const end = address.destination;
  const name = end === undefined ? (address.path ?? "") : endText(end);
  const bound =
    end !== undefined && end.port > 0
      ? { ...socket, ...serverSocket(end), protocol: socket.createdProtocol }
      : socket;
  table.open(thread, { ...bound, name, nameChanged: name !== socket.name });
}

export function applyConnect(table: ThreadTable, thread: Thread, event: Event): void {
  const socket = table.descriptor;
  const result = event.int(0) ?? -1;
  const tuple = readTuple(event, 1) ?? enteredTuple(table, thread, event);
  if (socket === undefined || socket.isUnknown === true) {
    if (tuple !== undefined)
      table.descriptor = unknownDescriptor(event, event.int(2) ?? -1, {
        name: tupleText(tuple),
        rawName: tupleText(tuple),
      });
    return;
  }
  if (isConnectFailure(result)) return;
  const named = tuple === undefined ? socket : withTuple(table, socket, tuple);
  table.open(thread, { ...named, connected: true, nameChanged: named.name !== socket.name });
}

/** The address that connect was called with, for a socket whose own end nobody told. */
function enteredTuple(table: ThreadTable, thread: Thread, event: Event): SocketAddress | undefined {
  const enter = table.enterOf(thread, event);
  const address = enter === undefined ? undefined : readSockaddr(enter, 1);
  if (address?.destination === undefined) return undefined;
  const { destination } = address;
  return {
    family: address.family,
    source: { address: new Uint8Array(destination.address.length), port: 0 },
    destination,
  };
}

export function applyAccept(table: ThreadTable, thread: Thread, event: Event): void {
  const number = event.int(0) ?? -1;
  const tuple = readTuple(event, 1);
  if (number < 0 || tuple === undefined) {
    table.descriptor = unknownDescriptor(event, number < 0 ? -1 : number, {
      name: tuple === undefined ? "" : tupleText(tuple),
    });
    return;
  }
  const socket: Descriptor = {
    ...NO_DESCRIPTOR,
    number,
    createdProtocol: tuple.source === undefined ? undefined : "tcp",
    closedOnExec: ((event.uint(5) ?? 0) & OPEN_FLAGS.O_CLOEXEC) !== 0,
  };
  const named = withTuple(table, socket, tuple);
  table.open(thread, { ...named, connected: true, nameChanged: named.name !== "" });
}

/** Data on a socket: it is connected. */
export function applyTransfer(table: ThreadTable, thread: Thread, event: Event): void {
  const socket = table.descriptor;
  if (socket === undefined || socket.connected || !isIpSocket(socket) || (event.int(0) ?? -1) < 0)
    return;
  table.open(thread, { ...socket, connected: true });
}

function isIpSocket({ kind, isUnknown }: Descriptor): boolean {
  return (kind === "4" || kind === "6") && isUnknown !== true;
}

/** Messages tell the peer of a socket that has no name yet, or whose peers change. */
export function applyMessage(tupleParam: number, isSend: boolean): Change {
  return (table, thread, event) => {
    const before = table.descriptor;
    const result = event.int(0) ?? -1;
    if (before === undefined || result < 0) return;
    const tuple = event.length(tupleParam) === 0 ? undefined : readTuple(event, tupleParam);
    let socket = before;
    if (before.isUnknown === true) {
      // A message from a descriptor that nothing told of: it is a socket then.
      if (!isSend || tuple === undefined || (before.number ?? -1) < 0) return;
      socket = {
        ...NO_DESCRIPTOR,
        number: before.number,
        kind: FAMILY_KINDS[tuple.family] ?? "o",
        createdProtocol: tuple.source === undefined ? undefined : "udp",
      };
    }
    const connected = isIpSocket(socket) || socket.connected;
    const takesName =
      tuple !== undefined && (socket.name === "" || socket.createdProtocol !== "tcp");
    const named = takesName ? withMessageTuple(table, socket, { tuple, isSend }) : socket;
    if (named !== before || connected !== before.connected)
      table.open(thread, { ...named, connected, nameChanged: named.name !== before.name });
  };
}

interface Message {
  readonly tuple: SocketAddress;
  readonly isSend: boolean;
}

/** The tuple of a message runs from sender to receiver; the socket's own from client to server. */
function withMessageTuple(
  table: ThreadTable,
  socket: Descriptor,
  { tuple, isSend }: Message,
): Descriptor {
  const { source, destination } = tuple;
  if (source === undefined || destination === undefined) return withTuple(table, socket, tuple);
  const [from, to] = [endText(source), endText(destination)];
  if (socket.name === `${from}->${to}` || socket.name === `${to}->${from}`) return socket;
  const isServer = socket.server === undefined ? !isSend : socket.client === undefined;
  const swapped = isServer === isSend;
  return withTuple(
    table,
    { ...socket, createdProtocol: socket.createdProtocol ?? "udp" },
    swapped ? { ...tuple, source: destination, destination: source } : tuple,
  );
}

function withTuple(table: ThreadTable, socket: Descriptor, tuple: SocketAddress): Descriptor {
  const { source, destination } = tuple;
  if (source === undefined || destination === undefined)
    return { ...socket, kind: FAMILY_KINDS[tuple.family] ?? socket.kind, name: tupleText(tuple) };
  const ends = connectedSocket(
    ownEnd(table, source, destination),
    ownEnd(table, destination, source),
    (address) => table.addresses.isLocal(address),
  );
  // The real engine loses the protocol of an IPv4 socket that turns out to speak IPv6, and with it
  // the name.
  if (ends.kind === "6" && socket.kind === "4")
    return { ...socket, ...ends, protocol: undefined, name: "<unknown>" };
  return { ...socket, protocol: socket.createdProtocol, ...ends };
}

/** An end that is not bound to an address has the one that leads to the other end. */
function ownEnd(table: ThreadTable, end: SocketEnd, other: SocketEnd): SocketEnd {
  const address =
    end.address.length === 4 && isUnspecified(end.address)
      ? table.addresses.towards(other.address)
      : undefined;
  return address === undefined ? end : { address, port: end.port };
}

function tupleText({ source, destination, path, pointers }: SocketAddress): string {
  return source === undefined || destination === undefined
    ? `${pointers ?? "0->0"} ${path ?? ""}`
    : `${endText(source)}->${endText(destination)}`;
}
