import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { hostPath, isOnHost } from "../lib/host-root.ts";
import { containerOfCgroup } from "./cgroup-path.ts";

/** The hierarchies that decide which container a process is in; paths of directories. */
export interface CgroupRoots {
  readonly unified: string | undefined;
  readonly pids: string | undefined;
}

/**
 * Where the host's control groups are mounted. In a container, what is at /sys/fs/cgroup are its
 * own: those of the host are seen through its first process, if they may be.
 */
export function hostCgroupRoot(): string {
  const candidates = [hostPath(CGROUP_ROOT), hostPath(`/proc/1/root${CGROUP_ROOT}`)];
  const isThere = (root: string): boolean =>
    Object.values(cgroupRoots(root)).some((hierarchy) => hierarchy !== undefined);
  return isOnHost() ? CGROUP_ROOT : (candidates.find(isThere) ?? CGROUP_ROOT);
}

const CGROUP_ROOT = "/sys/fs/cgroup";

/** Finds v2 at `root` itself or, on hybrid machines, at `root/unified`; and v1 `pids`. */
export function cgroupRoots(root: string): CgroupRoots {
  const unified = [root, join(root, "unified")].find((directory) =>
    existsSync(join(directory, "cgroup.procs")),
  );
  const pids = join(root, "pids");
  return {
    unified,
    pids: pids !== unified && existsSync(join(pids, "cgroup.procs")) ? pids : undefined,
  };
}

/**
 * The cgroups of containers that exist now: id (the directory's inode) and path. Where a container
 * has a group in v2, its v1 group is left out: the probe tells v2 ids then, and ids of the two
 * hierarchies may be equal. Looks at most CGROUPS_MAX directories.
 */
export function scanContainerCgroups(
  root: string,
): readonly { readonly id: number; readonly path: string }[] {
  const { unified, pids } = cgroupRoots(root);
  const found = unified === undefined ? [] : walk(unified);
  const seen = new Set(found.map(({ path }) => containerOfCgroup(path)?.fullId));
  const more =
    pids === undefined
      ? []
      : walk(pids).filter(({ path }) => !seen.has(containerOfCgroup(path)?.fullId));
  return [...found, ...more];
}

/** The id of the group at this path of a hierarchy; undefined when there is none. */
export function cgroupIdAt(hierarchy: string, path: string): number | undefined {
  return statSync(join(hierarchy, path), { throwIfNoEntry: false })?.ino;
}

function walk(hierarchy: string): { id: number; path: string }[] {
  const found: { id: number; path: string }[] = [];
  const open = [""];
  for (let count = 0; count < CGROUPS_MAX; count += 1) {
    const path = open.pop();
    if (path === undefined) break;
    if (containerOfCgroup(path) !== undefined) {
      const id = cgroupIdAt(hierarchy, path);
      if (id !== undefined) found.push({ id, path });
    }
    open.push(...directoriesIn(join(hierarchy, path)).map((name) => `${path}/${name}`));
  }
  return found;
}

function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // removed meanwhile
  }
}

const CGROUPS_MAX = 100_000;
