import type { SocketEnd } from "../events/socket-address.ts";
import type { Descriptor } from "../state/descriptor.ts";
import { directoryOf, fileNameOf } from "../state/path.ts";
import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field, FieldValue } from "./field.ts";

const { plain, ends, absent } = fieldsOf("fd");

/** `fd.*`: the descriptor that the event is about. */
export const FD_FIELDS: readonly Field[] = [
  plain("fd.num", "INT64", "Number of the descriptor, -1 when the call that would have opened it failed", (scene) => {
    const number = scene.descriptor?.number;
    return number !== undefined && number < 0 ? -1 : number;
  }),
  plain("fd.type", "CHARBUF", "Kind of descriptor in words: file, directory, ipv4, ipv6, unix, fifo, event, …", (scene) =>
    kindName(scene.descriptor),
  ),
  plain("fd.typechar", "CHARBUF", "Kind of descriptor as one letter: f file, d directory, 4 and 6 IP sockets, u unix socket, p fifo, m memfd, …", (scene) =>
    scene.descriptor?.kind,
  ),
  plain("fd.name", "CHARBUF", "Path of a file, client->server of a connected socket, address:port of a listening one", (scene) => scene.descriptor?.name),
  plain("fd.nameraw", "CHARBUF", "Path as it was passed, not normalised", (scene) => scene.descriptor?.rawName),
  plain("fd.directory", "CHARBUF", "Directory part of fd.name", perEvent((scene) => pathPart(scene.descriptor, directoryOf))),
  plain("fd.filename", "CHARBUF", "Last part of fd.name", perEvent((scene) => pathPart(scene.descriptor, fileNameOf))),
  plain("fd.dev", "INT32", "Device number, printed in hexadecimal digits", (scene) => scene.descriptor?.device, { format: "HEX" }),
  plain("fd.dev.major", "INT32", "Major number of the device", (scene) => (scene.descriptor === undefined ? undefined : (scene.descriptor.device >>> 8) & 0xfff)),
  plain("fd.dev.minor", "INT32", "Minor number of the device", (scene) => (scene.descriptor === undefined ? undefined : scene.descriptor.device & 0xff)),
  plain("fd.ino", "INT64", "Inode", (scene) => scene.descriptor?.inode),
  plain("fd.is_upper_layer", "BOOL", "True when the file lies in the writable layer of an overlay file system", (scene) => scene.descriptor?.upperLayer),
  plain("fd.is_lower_layer", "BOOL", "True when the file lies in a lower layer of an overlay file system", (scene) => scene.descriptor?.lowerLayer),
  plain("fd.name_changed", "BOOL", "True when this event gave the descriptor its name", (scene) => scene.descriptor?.nameChanged),
  plain("fd.connected", "BOOL", "True for a connected socket", (scene) => scene.descriptor?.connected),
  plain("fd.is_server", "BOOL", "True when the process owns the server's end of the socket", (scene) => scene.descriptor?.isServer),
  plain("fd.l4proto", "CHARBUF", "tcp, udp, icmp or raw; the text <NA> for what is not an IP socket", (scene) =>
    scene.descriptor === undefined ? undefined : (scene.descriptor.protocol ?? "<NA>"),
  ),
  plain("fd.sockfamily", "CHARBUF", "ip or unix", (scene) => (scene.descriptor === undefined ? undefined : SOCKET_FAMILIES[scene.descriptor.kind])),
  ends("fd.ip", "IPADDR", "Address of either end", (scene) => bothEnds(scene, addressOf)),
  plain("fd.cip", "IPADDR", "Client's address", (scene) => addressOf(scene.descriptor?.client)),
  plain("fd.sip", "IPADDR", "Server's address", (scene) => addressOf(scene.descriptor?.server)),
  plain("fd.lip", "IPADDR", "Local address", (scene) => connectedEnd(scene.descriptor, "local", addressOf)),
  plain("fd.rip", "IPADDR", "Remote address", (scene) => addressOf(scene.descriptor?.remote)),
  ends("fd.port", "PORT", "Port of either end", (scene) => bothEnds(scene, portOf)),
  plain("fd.cport", "PORT", "Client's port", (scene) => portOf(scene.descriptor?.client)),
  plain("fd.sport", "PORT", "Server's port", (scene) => portOf(scene.descriptor?.server)),
  plain("fd.lport", "PORT", "Local port", (scene) => connectedEnd(scene.descriptor, "local", portOf)),
  plain("fd.rport", "PORT", "Remote port", (scene) => portOf(scene.descriptor?.remote)),
  ends("fd.net", "IPNET", "Network of either end", (scene) => bothEnds(scene, addressOf)),
  netField("fd.cnet", "Network of the client", (descriptor) => descriptor.client),
  netField("fd.snet", "Network of the server", (descriptor) => descriptor.server),
  netField("fd.lnet", "Network of the local end", (descriptor) => descriptor.local),
  netField("fd.rnet", "Network of the remote end", (descriptor) => descriptor.remote),
  ends("fd.proto", "PORT", "Service name of either port", (scene) => bothEnds(scene, portOf)),
  plain("fd.uid", "CHARBUF", "Thread id and descriptor number in one", (scene) =>
    scene.descriptor?.number === undefined ? undefined : `${scene.event.tid}${scene.descriptor.number}`,
  ),
  plain("fd.containername", "CHARBUF", "container.id, a colon and fd.name", (scene) => inContainer(scene, scene.descriptor?.name)),
  plain("fd.containerdirectory", "CHARBUF", "container.id, a colon and fd.directory", (scene) => inContainer(scene, pathPart(scene.descriptor, directoryOf))),
  ...["fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"].map((name) =>
    absent(name, "CHARBUF", "Host name that stands for the address of this end", { noRightSide: true, noTransformer: true }),
  ),
  // As in Falco, which turns off the lookup of service names.
  plain("fd.cproto", "CHARBUF", "Client's port as text", (scene) => portText(scene.descriptor?.client)),
  plain("fd.sproto", "CHARBUF", "Server's port as text", (scene) => portText(scene.descriptor?.server)),
  plain("fd.lproto", "CHARBUF", "Local port as text", (scene) => connectedEnd(scene.descriptor, "local", portText)),
  plain("fd.rproto", "CHARBUF", "Remote port as text", (scene) => portText(scene.descriptor?.remote)),
];

/** fd.type of a descriptor: its kind in words. */
export function kindName(descriptor: Descriptor | undefined): string | undefined {
  return descriptor === undefined ? undefined : KIND_NAMES[descriptor.kind];
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  f: "file",
  d: "directory",
  "4": "ipv4",
  "6": "ipv6",
  u: "unix",
  p: "pipe",
  e: "event",
  s: "signalfd",
  l: "eventpoll",
  i: "inotify",
  t: "timerfd",
  n: "netlink",
  b: "bpf",
  r: "io_uring",
  m: "memfd",
  P: "pidfd",
};

const SOCKET_FAMILIES: Readonly<Record<string, string>> = { "4": "ip", "6": "ip", u: "unix" };

function pathPart(descriptor: Descriptor | undefined, part: (path: string) => string): string | undefined {
  if (descriptor === undefined || !(descriptor.kind === "f" || descriptor.kind === "d")) return undefined;
  return descriptor.name === "" ? undefined : part(descriptor.name);
}

/** A listening socket has a server's end only, no local and remote one. */
function connectedEnd<T>(descriptor: Descriptor | undefined, end: "local", read: (end: SocketEnd | undefined) => T | undefined): T | undefined {
  return descriptor?.remote === undefined ? undefined : read(descriptor[end]);
}

function bothEnds(scene: Scene, read: (end: SocketEnd | undefined) => FieldValue | undefined): readonly FieldValue[] {
  return [read(scene.descriptor?.client), read(scene.descriptor?.server)].filter((value) => value !== undefined);
}

function netField(name: string, doc: string, end: (descriptor: Descriptor) => SocketEnd | undefined): Field {
  const marks = { filterOnly: true, noRightSide: true, noTransformer: true } as const;
  return plain(name, "IPNET", doc, (scene) => (scene.descriptor === undefined ? undefined : addressOf(end(scene.descriptor))), marks);
}

function addressOf(end: SocketEnd | undefined): Uint8Array | undefined {
  return end?.address;
}

function portOf(end: SocketEnd | undefined): number | undefined {
  return end?.port;
}

function portText(end: SocketEnd | undefined): string | undefined {
  return end === undefined ? undefined : String(end.port);
}

function inContainer(scene: Scene, text: string | undefined): string | undefined {
  return text === undefined ? undefined : `${scene.container?.id ?? ""}:${text}`;
}
