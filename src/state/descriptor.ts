import { OPEN_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import { DESCRIPTOR, TCP_STATE } from "../events/record.ts";
import { type EventType, eventType } from "../events/schema.ts";
import {
  addressSize,
  isUnset,
  readEnd,
  readSockaddr,
  readTuple,
  type SocketEnd,
} from "../events/socket-address.ts";
import { ipText, isUnspecified } from "../lib/ip-text.ts";
import { joinPath } from "./path.ts";

/** What the descriptor of an event is. Addresses are views of the event's memory. */
export interface Descriptor {
  /** Undefined when the event tells none; negative when the call that would have made it failed. */
  readonly number: number | undefined;
  /** Falco's fd.typechar. */
  readonly kind: string;
  /** Path, `client->server` of a connected socket, the one end of a listening one. */
  readonly name: string;
  /** The path as it was passed, before it was joined and normalised. */
  readonly rawName: string;
  readonly protocol: "tcp" | "udp" | "icmp" | "raw" | undefined;
  readonly local: SocketEnd | undefined;
  readonly remote: SocketEnd | undefined;
  readonly client: SocketEnd | undefined;
  readonly server: SocketEnd | undefined;
  /** True when the process owns the server's end. */
  readonly isServer: boolean;
  readonly connected: boolean;
  /** True when this very event gave the descriptor its name. */
  readonly nameChanged: boolean;
  readonly device: number;
  readonly inode: number;
  readonly upperLayer: boolean;
  readonly lowerLayer: boolean;
  /** Of a socket whose peer is not known yet: what `protocol` will be. */
  readonly createdProtocol?: Descriptor["protocol"];
  /** The next program of its process does not get it (O_CLOEXEC). */
  readonly closedOnExec?: boolean;
  /**
   * Nothing told of it, or the call that would have made it failed: there is its number, perhaps
   * its name, and nothing else.
   */
  readonly isUnknown?: true | undefined;
}

/** Whether a TCP socket is known to listen on a port, where the event's process is. */
export type IsListening = (port: number) => boolean;

/**
 * The descriptor that an event is about; undefined when it is about none. `cwd` is for relative
 * paths, `isListening` for the ends of connections that no call of their own tells.
 */
export function descriptorOf(
  event: Event,
  cwd: string,
  isListening: IsListening = () => false,
): Descriptor | undefined {
  const type = event.type;
  if (type === undefined) return undefined;
  const open = OPENS[type.name];
  if (open !== undefined) return openedFile(event, type, open, event.directory ?? cwd);
  if (type.name === "socket") return createdSocket(event);
  if (event.descriptor >= 0) return fromSection(event, type, isListening);
  return fromTuple(event, type);
}

/** The socket that a notice about its state carries; undefined when it carries none. */
export function socketOfNotice(event: Event): Descriptor | undefined {
  return event.descriptor < 0 ? undefined : fromSection(event, LISTEN, () => true);
}

/** Parameter numbers of the open calls: where path, flags, device and inode stand. */
interface OpenParams {
  readonly path: number;
  readonly flags?: number;
  readonly device: number;
  readonly inode: number;
}

const OPENS: Readonly<Record<string, OpenParams>> = {
  open: { path: 1, flags: 2, device: 4, inode: 5 },
  openat: { path: 2, flags: 3, device: 5, inode: 6 },
  openat2: { path: 2, flags: 3, device: 6, inode: 7 },
  creat: { path: 1, device: 3, inode: 4 },
  open_by_handle_at: { path: 3, flags: 2, device: 4, inode: 5 },
};

function openedFile(event: Event, type: EventType, params: OpenParams, base: string): Descriptor {
  const rawName = event.text(params.path) ?? "";
  const flags = params.flags === undefined ? 0 : (event.uint(params.flags) ?? 0);
  return {
    ...NO_DESCRIPTOR,
    number: descriptorNumber(event, type),
    kind: (flags & OPEN_FLAGS.O_DIRECTORY) === 0 ? "f" : "d",
    name: rawName === "" ? "" : joinPath(base, rawName),
    rawName,
    nameChanged: true,
    device: event.uint(params.device) ?? 0,
    inode: event.uint(params.inode) ?? 0,
    upperLayer: (flags & OPEN_FLAGS.FD_UPPER_LAYER) !== 0,
    lowerLayer: (flags & OPEN_FLAGS.FD_LOWER_LAYER) !== 0,
  };
}

function createdSocket(event: Event): Descriptor {
  const family = event.uint(1) ?? 0;
  return { ...NO_DESCRIPTOR, number: event.int(0), kind: FAMILY_KINDS[family] ?? "?" };
}

/** A descriptor as the kernel described it. */
function fromSection(event: Event, type: EventType, isListening: IsListening): Descriptor {
  const at = event.descriptor;
  const family = event.bytes[at + DESCRIPTOR.family] ?? 0;
  const size = addressSize(family);
  const common = {
    ...NO_DESCRIPTOR,
    number: descriptorNumber(event, type),
    kind: String.fromCharCode(event.bytes[at + DESCRIPTOR.kind] ?? 0x6f),
    device: event.view.getUint32(at + DESCRIPTOR.device, true),
    inode:
      event.view.getUint32(at + DESCRIPTOR.inode + 4, true) * 0x1_0000_0000 +
      event.view.getUint32(at + DESCRIPTOR.inode, true),
    protocol: PROTOCOLS[event.bytes[at + DESCRIPTOR.protocol] ?? 0],
    nameChanged: NAMING.has(type.name),
  };
  if (common.kind !== "4" && common.kind !== "6") {
    const path = event.descriptorPath ?? "";
    return { ...common, name: path, rawName: path };
  }
  if (isFailedConnect(event, type)) return { ...common, nameChanged: false };
  const local = readEnd(event, at + DESCRIPTOR.end, size);
  const remote = readEnd(event, at + DESCRIPTOR.end + size + 2, size);
  const state = event.bytes[at + DESCRIPTOR.state] ?? 0;
  const message = isUnset(remote) ? endsOfMessage(event, type) : undefined;
  const ends = { ...(message ?? { local, remote }), state };
  const hints = { isListening, isMessage: message !== undefined };
  const named = message === undefined ? common : { ...common, nameChanged: true };
  return withEnds(named, type, ends, hints);
}

/** It leaves the socket as it was; the kernel keeps the address it was for, but not the port. */
function isFailedConnect(event: Event, type: EventType): boolean {
  return type.name === "connect" && isConnectFailure(event.int(0) ?? 0);
}

/** By its result; a connection that is being made (EINPROGRESS) has not failed. */
export function isConnectFailure(result: number): boolean {
  return result < 0 && result !== -EINPROGRESS;
}

/**
 * A socket that is not connected has another peer with each message, which its tuple alone tells:
 * it runs from sender to receiver.
 */
function endsOfMessage(event: Event, type: EventType): Pick<Ends, "local" | "remote"> | undefined {
  const tupleAt = MESSAGES.has(type.category)
    ? type.params.findIndex((param) => param.type === "SOCKTUPLE")
    : -1;
  const { source, destination } = (tupleAt < 0 ? undefined : readTuple(event, tupleAt)) ?? {};
  if (source === undefined || destination === undefined || isUnset(destination)) return undefined;
  // From a socket of both families a message goes to an IPv4 address from an unset IPv6 one.
  const [from, to] = [inFamilyOf(destination, source), inFamilyOf(source, destination)];
  return type.category === "io_write" ? { local: from, remote: to } : { local: to, remote: from };
}

function inFamilyOf(other: SocketEnd, end: SocketEnd): SocketEnd {
  const isLonger = end.address.length > other.address.length;
  return isLonger && isUnspecified(end.address) ? { ...end, address: UNSET_IPV4 } : end;
}

/** What a capture's event tells of its socket: its tuple or address alone. */
function fromTuple(event: Event, type: EventType): Descriptor | undefined {
  const number = descriptorNumber(event, type);
  const tupleAt = type.params.findIndex((param) => param.type === "SOCKTUPLE");
  const tuple = tupleAt < 0 ? undefined : readTuple(event, tupleAt);
  if (tuple === undefined)
    return number === undefined
      ? undefined
      : { ...NO_DESCRIPTOR, number, ...boundSocket(event, type) };
  const common = {
    ...NO_DESCRIPTOR,
    number,
    kind: FAMILY_KINDS[tuple.family] ?? "?",
    nameChanged: NAMING.has(type.name),
  };
  if (tuple.source === undefined || tuple.destination === undefined)
    return { ...common, name: tuple.path ?? "", rawName: tuple.path ?? "" };
  const isClient = type.name === "connect";
  const [local, remote] = isClient
    ? [tuple.source, tuple.destination]
    : [tuple.destination, tuple.source];
  const ends = { local, remote, state: TCP_STATE.ESTABLISHED };
  return withEnds({ ...common, protocol: "tcp" }, type, ends, NO_HINTS);
}

function boundSocket(event: Event, type: EventType): Partial<Descriptor> {
  if (type.name !== "bind") return {};
  const end = readSockaddr(event, 1)?.destination;
  if (end === undefined) return {};
  return {
    kind: end.address.length === 4 ? "4" : "6",
    name: endText(end),
    local: end,
    server: end,
    isServer: true,
    nameChanged: true,
  };
}

interface Ends {
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
  readonly state: number;
}

/** What tells of the roles of two ends beside their ports. */
interface RoleHints {
  readonly isListening: IsListening;
  /** The socket has no peer but that of this message. */
  readonly isMessage: boolean;
}

const NO_HINTS: RoleHints = { isListening: () => false, isMessage: false };

function withEnds(
  common: Descriptor,
  type: EventType,
  { local, remote, state }: Ends,
  hints: RoleHints,
): Descriptor {
  const kind = local.address.length === 4 && remote.address.length === 4 ? "4" : "6";
  if (isUnset(remote)) {
    // Neither bound nor connected: a socket without a name yet.
    if (isUnset(local)) return { ...common, kind };
    return {
      ...common,
      kind: local.address.length === 4 ? "4" : "6",
      name: endText(local),
      local,
      server: local,
      isServer: true,
    };
  }
  const isServer = isServerEnd({ local, remote, protocol: common.protocol }, type, hints);
  const [client, server] = isServer ? [remote, local] : [local, remote];
  const connected =
    state === TCP_STATE.ESTABLISHED || (common.protocol !== "tcp" && type.name === "connect");
  return {
    ...common,
    kind,
    name: `${endText(client)}->${endText(server)}`,
    local,
    remote,
    client,
    server,
    isServer,
    connected,
  };
}

/** Whether ours is the server's end: by the call, by who listens, by the ports' ranges. */
function isServerEnd(
  { local, remote, protocol }: Pick<Ends, "local" | "remote"> & Pick<Descriptor, "protocol">,
  type: EventType,
  { isListening, isMessage }: RoleHints,
): boolean {
  if (type.name === "connect") return false;
  if (SERVER_CALLS.has(type.name)) return true;
  if (protocol === "tcp" && isListening(local.port)) return true;
  if (isEphemeral(local.port) !== isEphemeral(remote.port)) return isEphemeral(remote.port);
  // Of two ports of one range who gets a message is taken for its server, as Falco takes the first.
  return isMessage && type.category === "io_read";
}

function endText(end: SocketEnd): string {
  return `${ipText(end.address)}:${end.port}`;
}

/**
 * Linux's usual range of ports for clients (net.ipv4.ip_local_port_range): the best hint at a role
 * that no call told us.
 */
function isEphemeral(port: number): boolean {
  return port >= 32768;
}

function descriptorNumber(event: Event, type: EventType): number | undefined {
  if (type.flags.includes("CREATES_FD")) return event.int(0);
  const at = type.params.findIndex(
    (param) => param.type === "FD" && (param.name === "fd" || param.name === "oldfd"),
  );
  return at < 0 ? undefined : event.int(at);
}

/** A socket that enters or leaves LISTEN has the one end that listen(2) gives it. */
const LISTEN = eventType("listen");
const MESSAGES: ReadonlySet<string> = new Set(["io_read", "io_write"]);
const SERVER_CALLS: ReadonlySet<string> = new Set(["accept", "accept4", "listen", "bind"]);
const NAMING: ReadonlySet<string> = new Set([
  "bind",
  "connect",
  "accept",
  "accept4",
  "memfd_create",
]);

/** include/uapi/asm-generic/errno.h */
const EINPROGRESS = 115;
const UNSET_IPV4 = new Uint8Array(4);

const PROTOCOLS: Readonly<Record<number, "tcp" | "udp" | "icmp" | "raw">> = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  58: "icmp",
  255: "raw",
};

/** fd.typechar of a socket by its address family (include/linux/socket.h). */
const FAMILY_KINDS: Readonly<Record<number, string>> = { 1: "u", 2: "4", 10: "6", 16: "n" };

/** A descriptor of which nothing is known. */
export const NO_DESCRIPTOR: Descriptor = {
  number: undefined,
  kind: "o",
  name: "",
  rawName: "",
  protocol: undefined,
  local: undefined,
  remote: undefined,
  client: undefined,
  server: undefined,
  isServer: false,
  connected: false,
  nameChanged: false,
  device: 0,
  inode: 0,
  upperLayer: false,
  lowerLayer: false,
};
