import { claimsOf } from "./cgroup-path.ts";
import { cgroupOfProcess, isInContainer } from "./cgroup-scan.ts";
import { placesOn } from "./cgroup-table.ts";
import type { KnownContainer } from "./runtime.ts";

/** Where containers are, by what their runtimes say and by what the kernel says of their process. */
export class Places {
  /** This host is itself in a container: its runtimes know but the end of a path. */
  readonly #isNested = isInContainer();

  /** Whether the container has this control group; undefined when nobody says. */
  isAt(known: KnownContainer, directory: string): boolean | undefined {
    const groups = groupsOf(known);
    const places = groups.length > 0 ? groups : known.places;
    return places.length === 0 ? undefined : this.#isAmong(places, directory);
  }

  /** True when only its process says where it is, and that is elsewhere. */
  isGone(known: KnownContainer, directory: string): boolean {
    const groups = groupsOf(known);
    return known.places.length === 0 && groups.length > 0 && !this.#isAmong(groups, directory);
  }

  /** The control groups that are the container's own. */
  of(known: KnownContainer): readonly string[] {
    if (this.#isNested) return [];
    const places = known.places.length > 0 ? known.places : ownGroupsOf(known);
    return places.filter((place) => place !== "/");
  }

  #isAmong(places: readonly string[], directory: string): boolean {
    if (places.some((place) => isWithin(place, directory))) return true;
    return (
      this.#isNested &&
      places.some((place) => placesOn(place).some((one) => directory.endsWith(one)))
    );
  }
}

/** True for the directory itself and what is below. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function groupsOf({ metadata }: KnownContainer): readonly string[] {
  return metadata.pid > 0 ? cgroupOfProcess(metadata.pid) : [];
}

/** Its first process may be in a group below its own, as systemd is. */
function ownGroupsOf(known: KnownContainer): readonly string[] {
  return groupsOf(known).map(
    (group) => claimsOf(group).find(({ fullId }) => fullId === known.fullId)?.directory ?? group,
  );
}
