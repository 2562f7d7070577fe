import { listListeners } from "./listeners.ts";
import { openFirstNamespace } from "./open-first-namespace.ts";
import type { PortPlace } from "./port-inventory.ts";

/**
 * Those of the places of one container where something listens, as the kernel says now (sock_diag).
 * Where it cannot be asked, none. Synchronous.
 */
export function listeningPlaces(
  places: readonly PortPlace[],
  containerPid: number | undefined,
): ReadonlySet<PortPlace> {
  const found = [...Map.groupBy(places, ({ namespace }) => namespace)].flatMap(([inode, here]) => {
    const pids = new Set([...here.map(({ process }) => process?.pid), containerPid]);
    const listening = listeningIn(inode, [...pids].slice(-PROCESSES_TRIED));
    return here.filter((place) => listening.has(addressAndPort(place)));
  });
  return new Set(found);
}

function listeningIn(inode: number, pids: readonly (number | undefined)[]): ReadonlySet<string> {
  let namespace;
  try {
    namespace = openFirstNamespace(pids, inode);
    return new Set(listListeners(namespace).map(addressAndPort));
  } catch {
    return new Set();
  } finally {
    namespace?.close();
  }
}

function addressAndPort({ address, port }: Pick<PortPlace, "address" | "port">): string {
  return `${address} ${port}`;
}

const PROCESSES_TRIED = 8;
