import { basename } from "node:path";
import type { Listener } from "./listeners.ts";
import { ownersOf, type SocketOwner } from "./socket-owners.ts";

/**
 * The programs that listen at one address and port with sockets of their own (SO_REUSEPORT,
 * socket(7)), where they are several: the kernel chooses who answers a connection. Empty for one, as
 * for a server and its workers; sockets whose owner cannot be seen are left out.
 */
export async function sharingPrograms(
  listening: readonly Listener[],
  { address, port }: Pick<Listener, "address" | "port">,
): Promise<string[]> {
  const here = listening.filter((one) => one.address === address && one.port === port);
  if (here.length < 2) return [];
  return programNames([...(await ownersOf(here.map(({ inode }) => inode))).values()]);
}

/** Names of several programs, in order; empty for one. Paths where two have the same name. */
export function programNames(owners: readonly Pick<SocketOwner, "exe" | "comm">[]): string[] {
  const paths = [...new Set(owners.map(({ exe, comm }) => exe || comm))].filter(
    (path) => path !== "",
  );
  if (paths.length < 2) return [];
  const names = paths.map((path) => basename(path));
  return (new Set(names).size === names.length ? names : paths).toSorted();
}
