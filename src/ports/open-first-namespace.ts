import { type NetworkNamespace, openHostNamespace, openNamespace } from "./network-namespace.ts";

/**
 * The namespace, by the first of the processes that is still in it, or the host's. Throws
 * `KERNEL_NAMESPACE` when all are gone.
 */
export function openFirstNamespace(
  pids: readonly (number | undefined)[],
  inode: number,
): NetworkNamespace {
  const opens = pids
    .filter((pid): pid is number => pid !== undefined && pid !== 0)
    .map((pid) => () => openNamespace(pid));
  let problem: unknown;
  for (const open of [...opens, openHostNamespace]) {
    try {
      const namespace = open();
      if (namespace.inode === inode || inode === 0) return namespace;
      namespace.close();
    } catch (thrown) {
      problem = thrown;
    }
  }
  throw problem ?? new Error("its processes are gone");
}
