import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { hostPath, isOnHost } from "../lib/host-root.ts";
import { claimsOf } from "./cgroup-path.ts";

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
 * The cgroups that may be containers' and exist now: id (the directory's inode) and path. Where one
 * has a group in v2, its v1 group is left out: the probe tells v2 ids then, and ids of the two
 * hierarchies may be equal. Looks at most CGROUPS_MAX directories, DEPTH_MAX below each other.
 */
export function scanContainerCgroups(
  root: string,
): readonly { readonly id: number; readonly path: string }[] {
  const { unified, pids } = cgroupRoots(root);
  const found = unified === undefined ? [] : walk(unified);
  const seen = new Set(found.map(({ path }) => path));
  const more = pids === undefined ? [] : walk(pids).filter(({ path }) => !seen.has(path));
  return [...found, ...more];
}

/** The id of the group at this path of a hierarchy; undefined when there is none to be seen. */
export function cgroupIdAt(hierarchy: string, path: string): number | undefined {
  return inodeOf(join(hierarchy, path));
}

/**
 * The control groups of a process, in v2 and v1's `pids`, as paths from the root; none where it is
 * gone, or Saker sees the groups from inside of one.
 */
export function cgroupOfProcess(pid: number): readonly string[] {
  try {
    const lines = readFileSync(hostPath(`/proc/${pid}/cgroup`), "utf8").split("\n");
    return lines.flatMap((line) => {
      const [hierarchy, controllers, ...path] = line.split(":");
      const counts = hierarchy === "0" || controllers === "pids";
      const group = path.join(":");
      return counts && group.startsWith("/") && group !== "/" && !group.startsWith("/..")
        ? [group]
        : [];
    });
  } catch {
    return [];
  }
}

/** The inode of the pid namespace of the host's first process. */
export function hostPidNamespace(): number {
  try {
    const link = readlinkSync(hostPath("/proc/1/ns/pid"));
    return Number(/\d+/.exec(link)?.[0] ?? INITIAL_PID_NAMESPACE);
  } catch {
    return INITIAL_PID_NAMESPACE;
  }
}

/**
 * True where the host is a container itself, with control groups of its own (kind, LXC): its
 * runtimes then know but the end of a path that the kernel gives.
 */
export function isInContainer(): boolean {
  try {
    return !readlinkSync(hostPath("/proc/1/ns/cgroup")).includes(INITIAL_CGROUP_NAMESPACE);
  } catch {
    return false;
  }
}

interface Visit {
  readonly path: string;
  /** How this process reaches it: a path of a directory's descriptor where its own is too long. */
  readonly reach: string;
  readonly depth: number;
  /** Closed when everything below has been seen. */
  readonly descriptor?: number;
}

function walk(hierarchy: string): { id: number; path: string }[] {
  const found: { id: number; path: string }[] = [];
  const open: Visit[] = [{ path: "", reach: hierarchy, depth: 0 }];
  for (let count = 0; count < CGROUPS_MAX;) {
    const visit = open.pop();
    if (visit === undefined) break;
    if (visit.descriptor !== undefined) {
      closeSync(visit.descriptor);
      continue;
    }
    count += 1;
    const id = claimsOf(visit.path).length > 0 ? inodeOf(visit.reach) : undefined;
    if (id !== undefined) found.push({ id, path: visit.path });
    if (visit.depth < DEPTH_MAX) open.push(...below(visit));
  }
  for (const { descriptor } of open) if (descriptor !== undefined) closeSync(descriptor);
  return found;
}

function below({ path, reach, depth }: Visit): Visit[] {
  const visits: Visit[] = [];
  let from = reach;
  if (reach.length > REACH_MAX) {
    const descriptor = descriptorOf(reach);
    if (descriptor === undefined) return [];
    visits.push({ path, reach, depth, descriptor });
    from = `/proc/self/fd/${descriptor}`;
  }
  for (const name of directoriesIn(from))
    visits.push({ path: `${path}/${name}`, reach: `${from}/${name}`, depth: depth + 1 });
  return visits;
}

function descriptorOf(directory: string): number | undefined {
  try {
    return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  } catch {
    return undefined; // its path is longer than a call takes, or not ours to look at
  }
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
const DEPTH_MAX = 512;
/** A name of 255 bytes still fits behind it. */
const REACH_MAX = 3800;
/** include/uapi/linux/nsfs.h: PID_NS_INIT_INO, CGROUP_NS_INIT_INO. */
const INITIAL_PID_NAMESPACE = 0xefff_fffc;
const INITIAL_CGROUP_NAMESPACE = String(0xefff_fffb);
