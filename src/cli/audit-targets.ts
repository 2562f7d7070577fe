import { isIP } from "node:net";
import type { AuditTarget } from "../audit/audit-target.ts";
import type { AuditReport } from "../audit/report.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { connectDirectly } from "../ports/connect.ts";
import { addressesOf, connectToListener } from "../ports/connect-listener.ts";
import { openDatagram } from "../ports/datagram.ts";
import { type FoundListener, scanListeners } from "../ports/inventory-scan.ts";
import { type Listener, listListeners } from "../ports/listeners.ts";
import { type NetworkNamespace, openNamespace } from "../ports/network-namespace.ts";
import { isOwnAddress } from "../ports/own-address.ts";
import { programNames } from "../ports/sharing-programs.ts";
import { NamedHost, wireName } from "./named-host.ts";
import { printAside } from "./print.ts";

/** One port to examine, however it was named; closed when its examination is over. */
export interface ResolvedTarget extends AuditTarget {
  /** Found while looking what listens, instead of being asked for by its number. */
  readonly isFound: boolean;
  /** Where `host` is a name: the address it was found to have, once that was looked up. */
  address?(): string | undefined;
  /** Where `host` is a name: its other addresses, each a target of its own. */
  others?(): Promise<readonly ResolvedTarget[]>;
  /** Who listens there, where that was looked up. */
  readonly listener?: AuditReport["listener"];
  close(): void;
}

/**
 * `host:port`, `[v6]:port`, a URL, `container:NAME[:PORT]`, `listening`. What is none of these
 * throws `USAGE_TARGET`; a container that does not
 * run is told to `onFault`, and the others go on. Names are looked up when their turn comes.
 */
export async function resolveTargets(
  texts: readonly string[],
  onFault: (message: string) => void,
): Promise<ResolvedTarget[]> {
  let registry: Promise<ContainerRegistry> | undefined;
  const containers = (): Promise<ContainerRegistry> => {
    registry ??= startRegistry();
    return registry;
  };
  const resolve = async (text: string): Promise<readonly ResolvedTarget[]> => {
    if (text === "listening") return listening(await containers());
    if (text.startsWith("container:"))
      return inContainer(text.slice("container:".length), await containers());
    return [atAddress(text)];
  };
  try {
    const results = await Promise.allSettled(texts.map(resolve));
    const faults = results
      .filter((result) => result.status === "rejected")
      .map(({ reason }) => reason as unknown);
    const wrong = faults.find(
      (thrown) => !(thrown instanceof AppError) || thrown.code.startsWith("USAGE_"),
    );
    if (wrong !== undefined) throw wrong;
    for (const thrown of faults) onFault(messageOf(thrown));
    return results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  } finally {
    (await registry)?.stop();
  }
}

async function startRegistry(): Promise<ContainerRegistry> {
  // Loaded when needed: it brings an HTTP client, which would be a tenth of a short audit's time.
  const { containersOfHost } = await import("../engine/containers-of-host.ts");
  const registry = containersOfHost({
    environment: process.env,
    onProblem: (problem) => printAside(`saker: note: ${problem}`),
  });
  await registry.start();
  return registry;
}

/** Ports that a scheme implies. */
const SCHEME_PORTS: Readonly<Record<string, number>> = {
  "https:": 443,
  "http:": 80,
  "imaps:": 993,
  "ldaps:": 636,
  "smtps:": 465,
  "pop3s:": 995,
};

function atAddress(text: string): ResolvedTarget {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? URL.parse(text) : null;
  const [, v6, name, digits] =
    /^(?:\[([0-9a-fA-F:.]+(?:%[^\]/\s]+)?)\]|([^:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = url === null ? (v6 ?? name) : url.hostname.replace(/^\[|\]$/g, "");
  const port = url === null ? Number(digits) : Number(url.port || SCHEME_PORTS[url.protocol]);
  if (host === undefined || host === "" || !(port >= 1 && port <= 65_535)) {
    throw new AppError("USAGE_TARGET", `Cannot examine "${text}": it names no port`, {
      hint: "write host:port, [v6]:port, https://host, container:NAME[:PORT] or listening",
    });
  }
  const label = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const target = { label, host, port, isFound: false, close: () => {} };
  if (isIP(host) !== 0)
    return {
      ...target,
      // A zone is this host's own word (RFC 4007 §11), no part of the address.
      identity: host.replace(/%.*/, ""),
      connect: (signal) => connectDirectly(host, port, { signal }),
      datagram: () => openDatagram(undefined, host, port),
    };
  const named = new NamedHost(wireName(host));
  return {
    ...target,
    serverName: wireName(host),
    address: () => named.address,
    connect: (signal) => named.connect(port, signal),
    datagram: async () => openDatagram(undefined, await named.anyAddress(), port),
    others: async () =>
      (await named.addresses())
        .filter((address) => address !== named.address)
        .map((address) => ({
          ...target,
          label: `${label} (${address})`,
          serverName: wireName(host),
          address: () => address,
          connect: (signal) => connectDirectly(address, port, { signal }),
          datagram: () => openDatagram(undefined, address, port),
        })),
  };
}

async function inContainer(text: string, registry: ContainerRegistry): Promise<ResolvedTarget[]> {
  const [, name = text, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const container = await registry.lookUp(name);
  const pid = container?.metadata?.pid ?? 0;
  if (container === undefined)
    throw new AppError("PEER_CONTAINER", `Cannot examine container "${name}": no runtime knows it`);
  if (pid === 0)
    throw new AppError("PEER_CONTAINER", `Cannot examine container "${name}": it does not run`);
  const label = container.metadata?.name ?? container.id;
  const sockets = listenersOf(pid);
  if (digits !== undefined) {
    const port = Number(digits);
    const socket = sockets.find((one) => one.port === port) ?? { address: "127.0.0.1", port };
    return [inNamespaceOf(pid, { name: label, socket, sockets, container: label, isFound: false })];
  }
  if (sockets.length === 0) printAside(`saker: note: nothing listens in container ${label}`);
  return onePerPlace(sockets).map((socket) =>
    inNamespaceOf(pid, { name: label, socket, sockets, container: label, isFound: true }),
  );
}

/** Sockets that share a place (SO_REUSEPORT, socket(7)) are told apart by nobody who connects. */
function onePerPlace<Socket extends Listener>(sockets: readonly Socket[]): Socket[] {
  return [
    ...new Map(sockets.map((socket) => [`${socket.address} ${socket.port}`, socket])).values(),
  ];
}

function listenersOf(pid: number): readonly Listener[] {
  const namespace = openNamespace(pid);
  try {
    return listListeners(namespace);
  } finally {
    namespace.close();
  }
}

async function listening(registry: ContainerRegistry): Promise<ResolvedTarget[]> {
  const { listeners, problems } = await scanListeners();
  for (const problem of problems) printAside(`saker: note: ${problem}`);
  if (listeners.length === 0) printAside("saker: note: nothing listens on this host");
  return [...Map.groupBy(listeners, ({ namespace }) => namespace).values()].flatMap((sockets) =>
    onePerPlace(sockets).map((socket) => {
      const container = containerNameOf(socket, registry);
      const target = inNamespaceOf(socket.pid, {
        name: container ?? "host",
        socket,
        sockets,
        isFound: true,
        ...(container === undefined ? {} : { container }),
      });
      return { ...target, listener: listenerOf(socket, sockets) };
    }),
  );
}

function listenerOf(
  { address, port, owner }: FoundListener,
  sockets: readonly FoundListener[],
): NonNullable<AuditReport["listener"]> {
  const here = sockets.filter((other) => other.address === address && other.port === port);
  const sharedBy = programNames(here.map((one) => one.owner));
  return {
    address,
    ...(owner.exe === "" ? {} : { exepath: owner.exe }),
    ...(sharedBy.length === 0 ? {} : { sharedBy }),
  };
}

function containerNameOf(listener: FoundListener, registry: ContainerRegistry): string | undefined {
  const container = registry.byPath(listener.owner.cgroupPath);
  return container?.metadata?.name ?? container?.id;
}

interface Place {
  readonly name: string;
  readonly socket: Pick<Listener, "address" | "port" | "isIpv6Only">;
  /** All that listens in the namespace. */
  readonly sockets: readonly Listener[];
  readonly container?: string;
  readonly isFound: boolean;
}

/** Where nothing listens, the connection will say so. */
function inNamespaceOf(
  pid: number,
  { name, socket, sockets, container, isFound }: Place,
): ResolvedTarget {
  const namespace: NetworkNamespace = openNamespace(pid);
  const { port } = socket;
  const isOneOfSeveral = sockets.some(
    (other) => other.port === port && other.address !== socket.address,
  );
  const addresses = addressesOf(socket, sockets);
  const [host = socket.address] = addresses;
  const target = {
    label: isOneOfSeveral ? `${name}:${port} (${socket.address})` : `${name}:${port}`,
    host,
    port,
    isFound,
    connect: async (signal: AbortSignal) => {
      requireOwnAddress(namespace, addresses, socket);
      return connectToListener(namespace, addresses, port, { signal });
    },
    datagram: async () => {
      requireOwnAddress(namespace, addresses, socket);
      return openDatagram(namespace, host, port);
    },
    close: () => namespace.close(),
  };
  return container === undefined ? target : { ...target, container };
}

/** A socket may listen on an address that is somebody else's (IP_FREEBIND, ip(7)). */
function requireOwnAddress(
  namespace: NetworkNamespace,
  [first]: readonly string[],
  { address, port }: Place["socket"],
): void {
  if (first !== undefined && isOwnAddress(namespace, first)) return;
  const reason =
    first === undefined
      ? "others listen on each loopback address"
      : "it is no address of its network namespace";
  throw new AppError("PEER_ADDRESS", `Cannot connect to "${address}", port ${port}: ${reason}`);
}
