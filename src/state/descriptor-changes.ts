import {
  CREAT_CREAT_FLAGS,
  EPOLL_CREATE1_FLAGS,
  MEMFD_CREATE_FLAGS,
  OPEN_FLAGS,
} from "../events/flag-names.ts";
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
import { OpenedFile } from "./opened-file.ts";
import {
  applyClose,
  applyCloseRange,
  applyDup,
  applyDup3,
  applyFcntl,
  applyPidfdGetfd,
} from "./number-changes.ts";
import { UNREADABLE } from "./path.ts";
import type { Thread } from "./thread.ts";
import type { Change, ThreadTable } from "./thread-table.ts";
import { unknownDescriptor, unknownKind } from "./unknown-descriptor.ts";

/** Parameter numbers of the open calls, and of their enter events. */
interface OpenParams {
  readonly dirfd?: number;
  readonly path: number;
  readonly flags: number;
  readonly device: number;
  readonly inode: number;
  /**
   * The bits in `flags` that tell the layer of an overlay file system, where they are not those of
   * OPEN_FLAGS.
   */
  readonly layers?: { readonly upper: number; readonly lower: number };
  /** The path is the kernel's whole one, from the root. */
  readonly isWhole?: true;
  readonly entered?: { readonly dirfd?: number; readonly path: number; readonly flags?: number };
}

/** Flags that only the exit knows: created, upper and lower layer, … */
const EXIT_FLAGS = ~(OPEN_FLAGS.O_F_CREATED - 1);

/**
 * An open call. The path is the enter event's where there is one: a caller may have changed its
 * memory since.
 */
function opensFile(params: OpenParams): Change {
  return (table, thread, event) => {
    const number = event.int(0) ?? -1;
    let path = event.text(params.path) ?? UNREADABLE;
    let dirfd = params.dirfd === undefined ? undefined : event.int(params.dirfd);
    let flags = event.uint(params.flags) ?? 0;
    const { entered } = params;
    const enter = entered === undefined ? undefined : table.enterOf(thread, event);
    const enteredPath = entered === undefined ? undefined : enter?.text(entered.path);
    if (
      entered !== undefined &&
      enter !== undefined &&
      enteredPath !== undefined &&
      enteredPath !== UNREADABLE
    ) {
      path = enteredPath;
      if (entered.dirfd !== undefined) dirfd = enter.int(entered.dirfd) ?? dirfd;
      if (entered.flags !== undefined)
        flags = (flags & EXIT_FLAGS) | (enter.uint(entered.flags) ?? 0);
    }
    const base =
      path.startsWith("/") || params.isWhole === true ? "" : table.directoryOf(thread, dirfd);
    const hasFailed = number < 0;
    const opened = new OpenedFile({
      base,
      path,
      number: hasFailed ? -1 : number,
      isUnknown: hasFailed ? true : undefined,
      closedOnExec: (flags & OPEN_FLAGS.O_CLOEXEC) !== 0,
      kind: hasFailed ? unknownKind(event) : (flags & OPEN_FLAGS.O_DIRECTORY) === 0 ? "f" : "d",
      device: event.uint(params.device) ?? 0,
      inode: event.uint(params.inode) ?? 0,
      upperLayer: (flags & (params.layers?.upper ?? OPEN_FLAGS.FD_UPPER_LAYER)) !== 0,
      lowerLayer: (flags & (params.layers?.lower ?? OPEN_FLAGS.FD_LOWER_LAYER)) !== 0,
    });
    if (hasFailed) table.descriptor = opened;
    else table.open(thread, opened);
  };
}

/**
 * Calls whose result is a descriptor without a path; `flags` says where the bits stand that tell
 * whether the next program gets it.
 */
function makes(
  kind: string,
  flags?: { readonly param: number; readonly closedOnExec?: number },
): Change {
  return (table, thread, event) => {
    const number = event.int(0) ?? -1;
    if (number < 0) return;
    const bits = flags === undefined ? 0 : (event.uint(flags.param) ?? 0);
    const closedOnExec = (bits & (flags?.closedOnExec ?? OPEN_FLAGS.O_CLOEXEC)) !== 0;
    table.open(thread, { ...NO_DESCRIPTOR, number, kind, closedOnExec });
  };
}

function makesPipe(table: ThreadTable, thread: Thread, event: Event): void {
  if ((event.int(0) ?? -1) < 0) return;
  const closedOnExec = ((event.uint(4) ?? 0) & OPEN_FLAGS.O_CLOEXEC) !== 0;
  const made = { ...NO_DESCRIPTOR, kind: "p", inode: event.uint(3) ?? 0, closedOnExec };
  table.open(thread, { ...made, number: event.int(1) });
  table.open(thread, { ...made, number: event.int(2) });
}

function makesSocketPair(table: ThreadTable, thread: Thread, event: Event): void {
  const [first, second] = [event.int(1) ?? -1, event.int(2) ?? -1];
  if ((event.int(0) ?? -1) < 0 || first === second) return;
  const made = { ...NO_DESCRIPTOR, kind: "u" };
  table.open(thread, { ...made, number: second });
  table.open(thread, { ...made, number: first });
}

function applyPidfdOpen(table: ThreadTable, thread: Thread, event: Event): void {
  const number = event.int(0) ?? -1;
  if (number >= 0)
    table.open(thread, { ...NO_DESCRIPTOR, number, kind: "P", inode: event.int(1) ?? 0 });
}

/**
 * memory that has a name: the descriptor is there even when the call failed, as in the real engine.
 */
function applyMemfdCreate(table: ThreadTable, thread: Thread, event: Event): void {
  const [number, name] = [event.int(0) ?? -1, event.text(1) ?? ""];
  const closedOnExec = ((event.uint(2) ?? 0) & MEMFD_CREATE_FLAGS.MFD_CLOEXEC) !== 0;
  const made = { ...NO_DESCRIPTOR, kind: "m", name, nameChanged: name !== "", closedOnExec };
  table.open(thread, { ...made, number });
}

const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16];
const FAMILY_KINDS: Readonly<Record<number, string>> = {
  [AF_UNIX]: "u",
  [AF_INET]: "4",
  [AF_INET6]: "6",
  [AF_NETLINK]: "n",
};
const [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW] = [1, 2, 3];

function applySocket(table: ThreadTable, thread: Thread, event: Event): void {
  const number = event.int(0) ?? -1;
  if (number < 0) return;
  const family = event.uint(1) ?? 0;
  const isIp = family === AF_INET || family === AF_INET6;
  const createdProtocol = isIp ? protocolOf(event.uint(2) ?? 0, event.uint(3) ?? 0) : undefined;
  // An address that is not set counts as local among addresses of IPv6, as in the real engine.
  const isServer = family === AF_INET6 && table.isLocal(UNSPECIFIED_6);
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

function applyBind(table: ThreadTable, thread: Thread, event: Event): void {
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

function applyConnect(table: ThreadTable, thread: Thread, event: Event): void {
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

function applyAccept(table: ThreadTable, thread: Thread, event: Event): void {
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
function applyTransfer(table: ThreadTable, thread: Thread, event: Event): void {
  const socket = table.descriptor;
  if (socket === undefined || socket.connected || !isIpSocket(socket) || (event.int(0) ?? -1) < 0)
    return;
  table.open(thread, { ...socket, connected: true });
}

function isIpSocket({ kind, isUnknown }: Descriptor): boolean {
  return (kind === "4" || kind === "6") && isUnknown !== true;
}

/** Messages tell the peer of a socket that has no name yet, or whose peers change. */
function applyMessage(tupleParam: number, isSend: boolean): Change {
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
    (address) => table.isLocal(address),
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
      ? table.addressTowards(other.address)
      : undefined;
  return address === undefined ? end : { address, port: end.port };
}

function tupleText({ source, destination, path, pointers }: SocketAddress): string {
  return source === undefined || destination === undefined
    ? `${pointers ?? "0->0"} ${path ?? ""}`
    : `${endText(source)}->${endText(destination)}`;
}

const CREAT_LAYERS = {
  upper: CREAT_CREAT_FLAGS.FD_UPPER_LAYER_CREAT,
  lower: CREAT_CREAT_FLAGS.FD_LOWER_LAYER_CREAT,
};

/** What events do to descriptors, by their names in the schema. */
export const DESCRIPTOR_CHANGES: Readonly<Record<string, Change>> = {
  open: opensFile({ path: 1, flags: 2, device: 4, inode: 5, entered: { path: 0, flags: 1 } }),
  openat: opensFile({
    dirfd: 1,
    path: 2,
    flags: 3,
    device: 5,
    inode: 6,
    entered: { dirfd: 0, path: 1, flags: 2 },
  }),
  openat2: opensFile({
    dirfd: 1,
    path: 2,
    flags: 3,
    device: 6,
    inode: 7,
    entered: { dirfd: 0, path: 1, flags: 2 },
  }),
  creat: opensFile({
    path: 1,
    flags: 5,
    device: 3,
    inode: 4,
    layers: CREAT_LAYERS,
    entered: { path: 0 },
  }),
  open_by_handle_at: opensFile({ path: 3, flags: 2, device: 4, inode: 5, isWhole: true }),
  pipe: makesPipe,
  pipe2: makesPipe,
  socketpair: makesSocketPair,
  eventfd: makes("e"),
  eventfd2: makes("e", { param: 1 }),
  epoll_create: makes("l"),
  epoll_create1: makes("l", { param: 1, closedOnExec: EPOLL_CREATE1_FLAGS.EPOLL_CLOEXEC }),
  timerfd_create: makes("t"),
  signalfd: makes("s"),
  signalfd4: makes("s", { param: 1 }),
  inotify_init: makes("i"),
  inotify_init1: makes("i", { param: 1 }),
  bpf: makes("b"),
  userfaultfd: makes("U"),
  io_uring_setup: makes("r"),
  memfd_create: applyMemfdCreate,
  pidfd_open: applyPidfdOpen,
  pidfd_getfd: applyPidfdGetfd,
  dup: applyDup,
  dup2: applyDup,
  dup3: applyDup3,
  fcntl: applyFcntl,
  close: applyClose,
  close_range: applyCloseRange,
  socket: applySocket,
  bind: applyBind,
  connect: applyConnect,
  accept: applyAccept,
  accept4: applyAccept,
  read: applyTransfer,
  write: applyTransfer,
  readv: applyTransfer,
  writev: applyTransfer,
  pread: applyTransfer,
  pwrite: applyTransfer,
  preadv: applyTransfer,
  pwritev: applyTransfer,
  send: applyMessage(4, true),
  sendto: applyMessage(4, true),
  sendmsg: applyMessage(4, true),
  sendmmsg: applyMessage(4, true),
  recv: applyMessage(4, false),
  recvfrom: applyMessage(2, false),
  recvmsg: applyMessage(3, false),
  recvmmsg: applyMessage(4, false),
};
