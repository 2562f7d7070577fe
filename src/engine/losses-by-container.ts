import type { CgroupLoss } from "../capture/losses.ts";

/** What a container, or the host, lost. */
export interface ContainerLoss {
  readonly name: string;
  readonly lost: number;
}

/**
 * Losses of control groups as those of their containers, the largest first. `nameOf` gives
 * undefined for the host's groups.
 */
export function lossesByContainer(
  losses: readonly CgroupLoss[],
  nameOf: (cgroup: number) => string | undefined,
): readonly ContainerLoss[] {
  const sums = new Map<string, number>();
  for (const { id, lost } of losses) {
    const name = nameOf(id) ?? HOST;
    sums.set(name, (sums.get(name) ?? 0) + lost);
  }
  return [...sums]
    .map(([name, lost]) => ({ name, lost }))
    .toSorted((left, right) => right.lost - left.lost);
}

const HOST = "host";
