import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { AuditTarget } from "../audit/audit-target.ts";
import { containerOfCgroup } from "../containers/cgroup-path.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { AppError } from "../lib/errors.ts";
import { connectDirectly } from "../ports/connect.ts";
import { addressesOf, connectToListener } from "../ports/connect-listener.ts";
import { openDatagram } from "../ports/datagram.ts";
import { type FoundListener, scanListeners } from "../ports/inventory-scan.ts";
import { listListeners } from "../ports/listeners.ts";
import { type NetworkNamespace, openNamespace } from "../ports/network-namespace.ts";

/** One port to examine, however it was named; closed when its examination is over. */
export interface ResolvedTarget extends AuditTarget {
  close(): void;
}

/** `host:port`, `[v6]:port`, a URL, `container:NAME[:PORT]`, `listening`. Throws `USAGE_TARGET` or `PEER_…` for what is none. */
export async function resolveTargets(texts: readonly string[]): Promise<ResolvedTarget[]> {
  let registry: ContainerRegistry | undefined;
  const containers = async (): Promise<ContainerRegistry> => {
    if (registry === undefined) {
      registry = containersOfHost({ environment: process.env, onProblem: (text) => process.stderr.write(`saker: note: ${text}\n`) });
      await registry.start();
    }
    return registry;
  };
  try {
    const targets: ResolvedTarget[] = [];
    for (const text of texts) {
      if (text === "listening") targets.push(...(await listening(await containers())));
      else if (text.startsWith("container:")) targets.push(...(await inContainer(text.slice("container:".length), await containers())));
      else targets.push(await atAddress(text));
    }
    return targets;
  } finally {
    registry?.stop();
  }
}

/** Ports that a scheme implies. */
const SCHEME_PORTS: Readonly<Record<string, number>> = { "https:": 443, "http:": 80, "imaps:": 993, "ldaps:": 636, "smtps:": 465, "pop3s:": 995 };

async function atAddress(text: string): Promise<ResolvedTarget> {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? URL.parse(text) : null;
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = url === null ? (v6 ?? name) : url.hostname.replace(/^\[|\]$/g, "");
  const port = url === null ? Number(digits) : Number(url.port || SCHEME_PORTS[url.protocol]);
  if (host === undefined || host === "" || !(port >= 1 && port <= 65_535)) {
    throw new AppError("USAGE_TARGET", `Cannot examine "${text}": it names no port`, { hint: "write host:port, [v6]:port, https://host, container:NAME[:PORT] or listening" });
  }
  const address = isIP(host) === 0 ? await resolved(host) : host;
  const label = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const target = { label, host, port, connect: (signal: AbortSignal) => connectDirectly(address, port, { signal }), datagram: () => openDatagram(undefined, address, port), close: () => {} };
  return isIP(host) === 0 ? { ...target, serverName: host } : target;
}

async function resolved(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (thrown) {
    throw new AppError("PEER_NAME", `Cannot examine "${host}": the name has no address`, { cause: thrown });
  }
}

async function inContainer(text: string, registry: ContainerRegistry): Promise<ResolvedTarget[]> {
  const [, name = text, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const container = await registry.lookUp(name);
  const pid = container?.metadata?.pid ?? 0;
  if (container === undefined) throw new AppError("PEER_CONTAINER", `Cannot examine container "${name}": no runtime knows it`);
  if (pid === 0) throw new AppError("PEER_CONTAINER", `Cannot examine container "${name}": it does not run`);
  const label = container.metadata?.name ?? container.id;
  if (digits !== undefined) return [inNamespaceOf(pid, { name: label, address: listenAddressOf(pid, Number(digits)), port: Number(digits), container: label })];
  const namespace = openNamespace(pid);
  const sockets = listListeners(namespace);
  namespace.close();
  if (sockets.length === 0) process.stderr.write(`saker: note: nothing listens in container ${label}\n`);
  const byPort = new Map(sockets.map((socket) => [socket.port, socket]));
  return [...byPort.values()].map(({ address, port }) => inNamespaceOf(pid, { name: label, address, port, container: label }));
}

/** Where a port of the process's namespace listens; loopback when nothing does, and then the connection will say so. */
function listenAddressOf(pid: number, port: number): string {
  const namespace = openNamespace(pid);
  try {
    return listListeners(namespace).find((socket) => socket.port === port)?.address ?? "127.0.0.1";
  } finally {
    namespace.close();
  }
}

async function listening(registry: ContainerRegistry): Promise<ResolvedTarget[]> {
  const { listeners, problems } = await scanListeners();
  for (const problem of problems) process.stderr.write(`saker: note: ${problem}\n`);
  const onePerPort = new Map(listeners.map((listener) => [`${listener.namespace} ${listener.port}`, listener]));
  return [...onePerPort.values()].map((listener) => {
    const container = containerNameOf(listener, registry);
    const { address, port, pid } = listener;
    return inNamespaceOf(pid, { name: container ?? "host", address, port, ...(container === undefined ? {} : { container }) });
  });
}

function containerNameOf(listener: FoundListener, registry: ContainerRegistry): string | undefined {
  const found = containerOfCgroup(listener.owner.cgroupPath);
  if (found === undefined) return undefined;
  const container = registry.byId(found.fullId);
  return container?.metadata?.name ?? found.fullId.slice(0, 12);
}

interface Place {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly container?: string;
}

function inNamespaceOf(pid: number, { name, address, port, container }: Place): ResolvedTarget {
  const namespace: NetworkNamespace = openNamespace(pid);
  const [host] = addressesOf(address);
  const target = {
    label: `${name}:${port}`,
    host,
    port,
    connect: (signal: AbortSignal) => connectToListener(namespace, address, port, { signal }),
    datagram: () => openDatagram(namespace, host, port),
    close: () => namespace.close(),
  };
  return container === undefined ? target : { ...target, container };
}
