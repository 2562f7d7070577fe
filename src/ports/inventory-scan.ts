import { readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { errnoOf } from "../lib/errno.ts";
import { messageOf } from "../lib/errors.ts";
import { hostPath } from "../lib/host-root.ts";
import { type Listener, listListeners, listListenersOfProcess } from "./listeners.ts";
import { openNamespace } from "./network-namespace.ts";
import { describeProcess, ownersOf, processIds, type SocketOwner } from "./socket-owners.ts";

/** A listening socket found on this host. */
export interface FoundListener extends Listener {
  /** Inode of its network namespace. */
  readonly namespace: number;
  /** A process inside that namespace, to open it by. */
  readonly pid: number;
  /**
   * Who holds the socket. Where that cannot be seen: pid 0, empty texts, and the cgroup of the
   * namespace's first process.
   */
  readonly owner: SocketOwner;
}

/** All that listens on a host, and what could not be looked into. */
export interface InventoryScan {
  readonly listeners: readonly FoundListener[];
  /** How many network namespaces were looked into. */
  readonly namespaces: number;
  /** One text for each namespace that could not be looked into. */
  readonly problems: readonly string[];
  /** How many processes did not show their namespace: needs root. */
  readonly hidden: number;
}

/**
 * Finds every listening TCP socket of this host: each network namespace that a process is in, once.
 * Gives the event loop turns.
 */
export async function scanListeners(): Promise<InventoryScan> {
  const { listeners, ...rest } = await scanSockets();
  return { ...rest, listeners: await withOwners(listeners) };
}

/** A listening socket, and where it was found. */
export type PlacedListener = Omit<FoundListener, "owner">;

/** The same without who holds the sockets, which takes most of the time. */
export async function scanSockets(): Promise<
  Omit<InventoryScan, "listeners"> & { readonly listeners: readonly PlacedListener[] }
> {
  const { namespaces, hidden } = await namespacesOfHost();
  const problems: string[] = [];
  const listeners: PlacedListener[] = [];
  for (const [namespace, pid] of namespaces) {
    try {
      listeners.push(...listenersOf(pid).map((listener) => ({ ...listener, namespace, pid })));
    } catch (error) {
      problems.push(messageOf(error));
    }
    await turn();
  }
  return { listeners, namespaces: namespaces.size, problems, hidden };
}

/** Who holds each of these sockets. */
export async function withOwners(listeners: readonly PlacedListener[]): Promise<FoundListener[]> {
  const owners = await ownersOf(listeners.map((listener) => listener.inode));
  return listeners.map((listener) => ({
    ...listener,
    owner: owners.get(listener.inode) ?? unseenOwner(listener.pid),
  }));
}

function unseenOwner(member: number): SocketOwner {
  return { pid: 0, comm: "", exe: "", cgroupPath: describeProcess(member).cgroupPath };
}

/** Each namespace's inode with the lowest pid in it. */
async function namespacesOfHost(): Promise<{ namespaces: Map<number, number>; hidden: number }> {
  const namespaces = new Map<number, number>();
  let hidden = 0;
  for (const [index, pid] of processIds().entries()) {
    try {
      const inode = Number(
        /^net:\[(\d+)\]$/.exec(readlinkSync(hostPath(`/proc/${pid}/ns/net`)))?.[1],
      );
      if (!namespaces.has(inode)) namespaces.set(inode, pid);
    } catch (error) {
      // ENOENT: ended, or a zombie, which is in no namespace.
      if (errnoOf(error) === "EACCES") hidden += 1;
    }
    if (index % 256 === 255) await turn();
  }
  return { namespaces, hidden };
}

function listenersOf(pid: number): Listener[] {
  let namespace;
  try {
    namespace = openNamespace(pid);
  } catch {
    return listListenersOfProcess(pid);
  }
  try {
    return listListeners(namespace);
  } finally {
    namespace.close();
  }
}
