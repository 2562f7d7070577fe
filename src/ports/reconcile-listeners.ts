import { setImmediate as turn } from "node:timers/promises";
import { messageOf } from "../lib/errors.ts";
import type { PlacedListener } from "./inventory-scan.ts";
import { listListeners } from "./listeners.ts";
import { type NetworkNamespace, openNamespace } from "./network-namespace.ts";

/** A socket that is held to listen. */
export interface BelievedListener {
  /** Inode of its network namespace. */
  readonly namespace: number;
  /** The socket's own. */
  readonly inode: number;
}

/** The namespaces that are looked into, and what is believed to listen there. */
export interface ReconcileListenersOptions<B extends BelievedListener> {
  /** Namespaces by inode, each with processes that were last seen in it, likeliest first. */
  readonly namespaces: ReadonlyMap<number, Iterable<number>>;
  /** What is held to listen in a namespace, asked right before the kernel is. */
  readonly believed: (namespace: number) => readonly B[];
}

/** What differs between the sockets that listen and those that were believed to. */
export interface ListenerDifferences<B extends BelievedListener> {
  /** They listen, and nobody knew. */
  readonly missed: readonly PlacedListener[];
  /** They do not listen any more. */
  readonly ended: readonly B[];
  /** One text for each namespace that could not be looked into; nothing is said of its sockets. */
  readonly problems: readonly string[];
}

/**
 * Compares what is held to listen with what the kernel says (sock_diag, 0.1 ms a namespace), after
 * losses and now and then. No process is looked at but one of each namespace. Sockets are known by
 * their inodes. Gives the event loop a turn between two namespaces; what a notice on its way tells
 * of a socket may come after it was found here.
 */
export async function reconcileListeners<B extends BelievedListener>({
  namespaces,
  believed,
}: ReconcileListenersOptions<B>): Promise<ListenerDifferences<B>> {
  const missed: PlacedListener[] = [];
  const ended: B[] = [];
  const problems: string[] = [];
  for (const [inode, pids] of namespaces) {
    try {
      const held = believed(inode);
      const found = listenersOf(inode, pids);
      const known = new Set(held.map((listener) => listener.inode));
      const listening = new Set(found.map((listener) => listener.inode));
      missed.push(...found.filter((listener) => !known.has(listener.inode)));
      ended.push(...held.filter((listener) => !listening.has(listener.inode)));
    } catch (thrown) {
      problems.push(messageOf(thrown));
    }
    await turn();
  }
  return { missed, ended, problems };
}

function listenersOf(inode: number, pids: Iterable<number>): readonly PlacedListener[] {
  const opened = openOneOf(inode, pids);
  // Without a process a namespace lives on for its descriptors or mounts alone.
  if (opened === undefined)
    throw new Error(`Cannot look into network namespace ${inode}: no known process is in it`);
  const { namespace, pid } = opened;
  try {
    return listListeners(namespace).map((listener) => ({ ...listener, namespace: inode, pid }));
  } finally {
    namespace.close();
  }
}

/** By the first process that is still in it. */
function openOneOf(
  inode: number,
  pids: Iterable<number>,
): { readonly namespace: NetworkNamespace; readonly pid: number } | undefined {
  let left = PROCESSES_TRIED;
  for (const pid of pids) {
    if (left === 0) return undefined;
    left -= 1;
    const namespace = tryOpen(pid);
    if (namespace?.inode === inode) return { namespace, pid };
    namespace?.close();
  }
  return undefined;
}

function tryOpen(pid: number): NetworkNamespace | undefined {
  try {
    return openNamespace(pid);
  } catch {
    return undefined;
  }
}

const PROCESSES_TRIED = 16;
