import type { SocketEnd } from "../events/socket-address.ts";
import type { Descriptor } from "../state/descriptor.ts";
import { directoryOf, fileNameOf } from "../state/path.ts";
import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field, FieldValue } from "./field.ts";

const { plain, ends, hostNames } = fieldsOf("fd");

/** `fd.*`: the descriptor that the event is about. */
export const FD_FIELDS: readonly Field[] = [
  plain(
    "fd.num",
    "INT64",
    "Number of the descriptor, -1 when the call that would have opened it failed",
    (scene) => {
      const descriptor = scene.descriptor;
      return descriptor?.number !== undefined &&
        descriptor.number < 0 &&
        descriptor.isUnknown !== true
        ? -1
        : descriptor?.number;
    },
  ),
  plain(
    "fd.type",
    "CHARBUF",
    "Kind of descriptor in words: file, directory, ipv4, ipv6, unix, fifo, event, …",
    (scene) => kindName(known(scene)),
  ),
  plain(
    "fd.typechar",
    "CHARBUF",
    "Kind of descriptor as one letter: f file, d directory, 4 and 6 IP sockets, u unix socket, p fifo, m memfd, …",
    (scene) => letterOf(scene.descriptor),
  ),
  plain(
    "fd.name",
    "CHARBUF",
    "Path of a file, client->server of a connected socket, address:port of a listening one",
    (scene) => scene.descriptor?.name,
    { path: true },
  ),
  plain(
    "fd.nameraw",
    "CHARBUF",
    "Path as it was passed, not normalised",
    (scene) => scene.descriptor?.rawName,
    { path: true },
  ),
  plain(
    "fd.directory",
    "CHARBUF",
    "Directory part of a file's fd.name; of a directory fd.name itself",
    perEvent((scene) => directoryPart(scene.descriptor)),
    { path: true },
  ),
  plain(
    "fd.filename",
    "CHARBUF",
    "Last part of a file's fd.name",
    perEvent((scene) => filePart(known(scene))),
  ),
  plain(
    "fd.dev",
    "INT32",
    "Device number, printed in hexadecimal digits",
    (scene) => known(scene)?.device,
    { format: "HEX" },
  ),
  plain("fd.dev.major", "INT32", "Major number of the device", (scene) =>
    devicePart(scene, (device) => (device >>> 8) & 0xfff),
  ),
  plain("fd.dev.minor", "INT32", "Minor number of the device", (scene) =>
    devicePart(scene, (device) => (device & 0xff) | ((device >>> 12) & 0xfff00)),
  ),
  plain("fd.ino", "INT64", "Inode", (scene) => known(scene)?.inode),
  plain(
    "fd.is_upper_layer",
    "BOOL",
    "True when the file lies in the writable layer of an overlay file system",
    (scene) => known(scene)?.upperLayer,
  ),
  plain(
    "fd.is_lower_layer",
    "BOOL",
    "True when the file lies in a lower layer of an overlay file system",
    (scene) => known(scene)?.lowerLayer,
  ),
  plain(
    "fd.name_changed",
    "BOOL",
    "True when this event gave the descriptor its name",
    (scene) => known(scene)?.nameChanged,
  ),
  plain("fd.connected", "BOOL", "True for a connected socket", (scene) => known(scene)?.connected),
  plain(
    "fd.is_server",
    "BOOL",
    "True when the process owns the server's end of the socket",
    (scene) => known(scene)?.isServer,
  ),
  plain(
    "fd.l4proto",
    "CHARBUF",
    "tcp, udp, icmp or raw; the text <NA> for what is not an IP socket",
    (scene) => (known(scene) === undefined ? undefined : (known(scene)?.protocol ?? "<NA>")),
  ),
  plain(
    "fd.sockfamily",
    "CHARBUF",
    "ip or unix",
    (scene) => SOCKET_FAMILIES[known(scene)?.kind ?? ""],
  ),
  ends("fd.ip", "IPADDR", "Address of either end", (scene) => bothEnds(scene, addressOf)),
  plain("fd.cip", "IPADDR", "Client's address", (scene) => addressOf(scene.descriptor?.client)),
  plain("fd.sip", "IPADDR", "Server's address", (scene) => addressOf(scene.descriptor?.server)),
  plain("fd.lip", "IPADDR", "Local address", (scene) =>
    connectedEnd(scene.descriptor, "local", addressOf),
  ),
  plain("fd.rip", "IPADDR", "Remote address", (scene) => addressOf(scene.descriptor?.remote)),
  ends("fd.port", "PORT", "Port of either end", (scene) => bothEnds(scene, portOf)),
  plain("fd.cport", "PORT", "Client's port", (scene) => portOf(scene.descriptor?.client)),
  plain("fd.sport", "PORT", "Server's port", (scene) => portOf(scene.descriptor?.server)),
  plain("fd.lport", "PORT", "Local port", (scene) =>
    connectedEnd(scene.descriptor, "local", portOf),
  ),
  plain("fd.rport", "PORT", "Remote port", (scene) => portOf(scene.descriptor?.remote)),
  ends("fd.net", "IPNET", "Network of either end", (scene) => bothEnds(scene, addressOf)),
  netField("fd.cnet", "Network of the client", (descriptor) => descriptor.client),
  netField("fd.snet", "Network of the server", (descriptor) => descriptor.server),
  netField("fd.lnet", "Network of the local end", (descriptor) => descriptor.local),
  netField("fd.rnet", "Network of the remote end", (descriptor) => descriptor.remote),
  ends("fd.proto", "PORT", "Service name of either port", (scene) => bothEnds(scene, portOf)),
  plain("fd.uid", "CHARBUF", "Thread id and descriptor number in one", (scene) =>
    scene.descriptor?.number === undefined
      ? undefined
      : `${scene.event.tid}${scene.descriptor.number}`,
  ),
  plain("fd.containername", "CHARBUF", "container.id, a colon and fd.name", (scene) =>
    inContainer(scene, scene.descriptor?.name),
  ),
  plain("fd.containerdirectory", "CHARBUF", "container.id, a colon and fd.directory", (scene) =>
    inContainer(scene, directoryPart(scene.descriptor)),
  ),
  nameField("fd.cip.name", "Host name of the client's address", (descriptor) => descriptor.client),
  nameField("fd.sip.name", "Host name of the server's address", (descriptor) => descriptor.server),
  nameField("fd.lip.name", "Host name of the local address", (descriptor) =>
    descriptor.remote === undefined ? undefined : descriptor.local,
  ),
  nameField("fd.rip.name", "Host name of the remote address", (descriptor) => descriptor.remote),
  // As in Falco, which turns off the lookup of service names.
  plain("fd.cproto", "CHARBUF", "Client's port as text", (scene) =>
    portText(scene.descriptor?.client),
  ),
  plain("fd.sproto", "CHARBUF", "Server's port as text", (scene) =>
    portText(scene.descriptor?.server),
  ),
  plain("fd.lproto", "CHARBUF", "Local port as text", (scene) =>
    connectedEnd(scene.descriptor, "local", portText),
  ),
  plain("fd.rproto", "CHARBUF", "Remote port as text", (scene) =>
    portText(scene.descriptor?.remote),
  ),
];

/**
 * fd.typechar: a userfaultfd has that of a unix socket, as in the real engine. What the kernel shows
 * and has no letter of its own, such as a packet socket, is another kind, not an unknown one.
 */
export function letterOf(descriptor: Descriptor | undefined): string | undefined {
  if (descriptor?.kind === "U") return "u";
  return descriptor?.kind === "?" && descriptor.isUnknown !== true ? "o" : descriptor?.kind;
}

/** What is more than a number and perhaps a name. */
function known(scene: Scene): Descriptor | undefined {
  return scene.descriptor?.isUnknown === true ? undefined : scene.descriptor;
}

function devicePart(scene: Scene, part: (device: number) => number): number | undefined {
  const device = known(scene)?.device;
  return device === undefined ? undefined : part(device);
}

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
  U: "userfaultfd",
  o: "other",
  "?": "other",
  r: "io_uring",
  m: "memfd",
  P: "pidfd",
};

const SOCKET_FAMILIES: Readonly<Record<string, string>> = { "4": "ip", "6": "ip", u: "unix" };

/** Of a descriptor that nothing told of, too: it is said to be in the root. */
function directoryPart(descriptor: Descriptor | undefined): string | undefined {
  if (descriptor?.isUnknown === true) return directoryOf(descriptor.name);
  return descriptor?.kind === "d" && descriptor.name !== ""
    ? descriptor.name
    : pathPart(descriptor, directoryOf);
}

function filePart(descriptor: Descriptor | undefined): string | undefined {
  return descriptor?.kind === "d" ? undefined : pathPart(descriptor, fileNameOf);
}

function pathPart(
  descriptor: Descriptor | undefined,
  part: (path: string) => string,
): string | undefined {
  if (descriptor === undefined || !(descriptor.kind === "f" || descriptor.kind === "d"))
    return undefined;
  return descriptor.name === "" ? undefined : part(descriptor.name);
}

/** A listening socket has a server's end only, no local and remote one. */
function connectedEnd<T>(
  descriptor: Descriptor | undefined,
  end: "local",
  read: (end: SocketEnd | undefined) => T | undefined,
): T | undefined {
  return descriptor?.remote === undefined ? undefined : read(descriptor[end]);
}

function bothEnds(
  scene: Scene,
  read: (end: SocketEnd | undefined) => FieldValue | undefined,
): readonly FieldValue[] {
  return [read(scene.descriptor?.client), read(scene.descriptor?.server)].filter(
    (value) => value !== undefined,
  );
}

function netField(
  name: string,
  doc: string,
  end: (descriptor: Descriptor) => SocketEnd | undefined,
): Field {
  const marks = { filterOnly: true, noRightSide: true, noTransformer: true } as const;
  return plain(
    name,
    "IPNET",
    doc,
    (scene) => (scene.descriptor === undefined ? undefined : addressOf(end(scene.descriptor))),
    marks,
  );
}

/** As in Falco, a listening socket's address may have a name, but does not differ from one. */
function nameField(
  name: string,
  doc: string,
  end: (descriptor: Descriptor) => SocketEnd | undefined,
): Field {
  const address = (scene: Scene): Uint8Array | undefined =>
    scene.descriptor === undefined ? undefined : addressOf(end(scene.descriptor));
  return hostNames(
    name,
    `${doc}, out of the names that stand in rules; of a live host only`,
    address,
    (scene) => scene.descriptor?.remote !== undefined,
  );
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
