import { PATH_MAX } from "./cgroup-path.ts";
import { cgroupIdAt, type CgroupRoots, cgroupRoots } from "./cgroup-scan.ts";
import type { ContainerRecord } from "./container-record.ts";

/** A cgroup as the kernel names it: ids of v1 and v2 groups may be equal. */
export interface CgroupId {
  readonly id: number;
  readonly isV1: boolean;
}

/** Which record a cgroup belongs to: by its id, and by the path of the container's own. */
export class CgroupTable {
  readonly #roots: CgroupRoots;
  readonly #byId = new Map<number, ContainerRecord>();
  readonly #byPlace = new Map<string, ContainerRecord>();
  /** Removed ones that are still understood, the oldest first. */
  readonly #gone = new Set<number>();

  /** `root`: where cgroups are mounted. */
  constructor(root: string) {
    this.#roots = cgroupRoots(root);
  }

  /** Hot: one look-up. */
  byId(id: number): ContainerRecord | undefined {
    return this.#byId.get(id);
  }

  /** The record in whose place, or below it, a path lies: the outermost that counts. */
  byPath(
    path: string,
    counts: (record: ContainerRecord) => boolean = () => true,
  ): ContainerRecord | undefined {
    for (const place of placesOn(path)) {
      const record = this.#byPlace.get(place);
      if (record !== undefined && counts(record)) return record;
    }
    return undefined;
  }

  /** Whether this very path is a record's. */
  hasAt(place: string): boolean {
    return this.#byPlace.has(place);
  }

  add(record: ContainerRecord, id: number, path: string): void {
    record.cgroups.set(id, path);
    this.#byId.set(id, record);
    this.#gone.delete(id);
    if (this.#byId.size > CGROUPS_MAX) this.#forget(first(this.#byId.keys()));
  }

  /** Its id is still understood, until many others are gone. */
  removed(record: ContainerRecord, id: number): void {
    record.cgroups.delete(id);
    this.#gone.add(id);
    if (this.#gone.size > GONE_MAX) this.#forget(first(this.#gone));
  }

  /** The id means nothing any more. */
  release(record: ContainerRecord, id: number): void {
    record.cgroups.delete(id);
    if (this.#byId.get(id) === record) this.#byId.delete(id);
  }

  /** Says where the record is; resolves to the one that was believed to be there. */
  place(record: ContainerRecord, path: string): ContainerRecord | undefined {
    const before = this.#byPlace.get(path);
    record.places.add(path);
    this.#byPlace.set(path, record);
    return before === record ? undefined : before;
  }

  unplace(record: ContainerRecord, path: string): void {
    record.places.delete(path);
    if (this.#byPlace.get(path) === record) this.#byPlace.delete(path);
  }

  /** Everything of a record that is given up. */
  forget(record: ContainerRecord): void {
    for (const place of record.places) this.unplace(record, place);
    for (const id of record.cgroups.keys()) this.release(record, id);
  }

  /** The cgroups that exist at a place now. */
  at(place: string): readonly CgroupId[] {
    return [this.#roots.unified, this.#roots.pids].flatMap((root) => {
      const id = root === undefined ? undefined : cgroupIdAt(root, place);
      return id === undefined ? [] : [{ id, isV1: root === this.#roots.pids }];
    });
  }

  /**
   * Ids of v1 and v2 groups may be equal, and notices tell of both. The v2 group's claim is the
   * stronger one: an event carries its v1 id only where the process has no v2 group.
   */
  isStillAt(record: ContainerRecord, id: number): boolean {
    const path = record.cgroups.get(id);
    return (
      path !== undefined &&
      this.#roots.unified !== undefined &&
      cgroupIdAt(this.#roots.unified, path) === id
    );
  }

  #forget(id: number | undefined): void {
    if (id === undefined) return;
    this.#byId.delete(id);
    this.#gone.delete(id);
  }
}

/** The paths that a path leads through, and itself. */
export function* placesOn(path: string): Generator<string> {
  const end = Math.min(path.length, PATH_MAX);
  let slash = path.indexOf("/", 1);
  for (; slash > 0 && slash < end; slash = path.indexOf("/", slash + 1)) yield path.slice(0, slash);
  yield path;
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

const CGROUPS_MAX = 100_000;
const GONE_MAX = 4096;
