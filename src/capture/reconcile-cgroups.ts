import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { claimsOf } from "../containers/cgroup-path.ts";
import { cgroupRoots, hostCgroupRoot } from "../containers/cgroup-scan.ts";
import type { CgroupKey } from "./kernel-source.ts";

/** A container's control group that exists now. */
export interface FoundCgroup extends CgroupKey {
  /** Within its hierarchy. */
  readonly path: string;
}

/** What differs between the control groups that are there and those that were believed to be. */
export interface CgroupDifferences {
  /** They are there, and nobody knew. */
  readonly missed: readonly FoundCgroup[];
  /** They are not there any more. */
  readonly gone: readonly CgroupKey[];
  /** There are too many groups to look at all: then nothing counts as gone. */
  readonly isPartial: boolean;
}

/**
 * Compares the containers' control groups that are known with those that exist, after losses and
 * now and then. `known` is asked at the end: what notices told meanwhile is no difference. Reads
 * each directory once, none synchronously, at most CGROUPS_MAX.
 */
export async function reconcileCgroups(
  known: () => Iterable<CgroupKey>,
  root = hostCgroupRoot(),
): Promise<CgroupDifferences> {
  const { unified, pids } = cgroupRoots(root);
  const before = new Set(Array.from(known(), keyOf));
  const walks: Walk[] = [];
  if (unified !== undefined) walks.push(await walk(unified, false));
  if (pids !== undefined) walks.push(await walk(pids, true));
  const found = walks.flatMap((one) => one.groups);
  const isPartial = walks.some((one) => one.isPartial);
  const there = new Set(found.map(keyOf));
  const after = [...known()];
  const keys = new Set(after.map(keyOf));
  return {
    missed: found.filter((group) => !keys.has(keyOf(group))),
    // Only those that were known before the walk: a younger one may be behind it.
    gone: isPartial
      ? []
      : after.filter((group) => before.has(keyOf(group)) && !there.has(keyOf(group))),
    isPartial,
  };
}

interface Walk {
  readonly groups: readonly FoundCgroup[];
  readonly isPartial: boolean;
}

async function walk(hierarchy: string, isV1: boolean): Promise<Walk> {
  const groups: FoundCgroup[] = [];
  const open = [""];
  for (let count = 0; count < CGROUPS_MAX; count += 1) {
    const path = open.pop();
    if (path === undefined) return { groups, isPartial: false };
    if (claimsOf(path).length > 0) {
      const id = await inodeOf(join(hierarchy, path));
      if (id !== undefined) groups.push({ id, isV1, path });
    }
    for (const entry of await directoriesIn(join(hierarchy, path)))
      open.push(`${path}/${entry.name}`);
  }
  return { groups, isPartial: true };
}

/** A group that is gone meanwhile, or whose path is too long for the kernel, has none. */
async function directoriesIn(path: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory());
  } catch {
    return [];
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch {
    return undefined;
  }
}

function keyOf({ id, isV1 }: CgroupKey): string {
  return `${id} ${isV1}`;
}

const CGROUPS_MAX = 100_000;
