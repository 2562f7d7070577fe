/** Matches that belong together: their times, in milliseconds; what they mean is the owner's. */
interface Group {
  readonly times: number[];
  /** Of its last change. */
  last: number;
  bytes: number;
}

/** The groups of one container, or of the host: the one that changed last stands last. */
interface Lane {
  readonly groups: Map<string, Group>;
  bytes: number;
  /** Of its last change. */
  last: number;
}

/** About what a group takes beside its key and its times. */
const GROUP_BYTES = 200;

/** The part of all memory that the groups of one container may take. */
const SHARE = 1 / 4;

/**
 * What is remembered of matches, by the values that make them belong together, in bounded memory.
 * Values are chosen by whoever is watched: a container that makes up ever new ones pushes out its
 * own groups alone.
 */
export class CorrelatedGroups {
  readonly #withinMs: number;
  readonly #maxBytes: number;
  /** The one that changed last stands last. */
  readonly #lanes = new Map<string, Lane>();
  #bytes = 0;
  #evicted = 0;

  constructor({ withinMs, maxBytes }: { readonly withinMs: number; readonly maxBytes: number }) {
    this.#withinMs = withinMs;
    this.#maxBytes = maxBytes;
  }

  /** Groups that were forgotten before their time, for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Changes the times of a group, which has none when it is new or the last change is too long ago;
   * one without times is gone.
   */
  change(owner: string, key: string, now: number, apply: (times: number[]) => void): void {
    const lane = this.#lanes.get(owner) ?? {
      groups: new Map<string, Group>(),
      bytes: 0,
      last: now,
    };
    lane.last = now;
    this.#lanes.delete(owner);
    this.#lanes.set(owner, lane);
    this.#expireLanes(now);
    this.#expire(lane, now);
    const group = lane.groups.get(key) ?? { times: [], last: now, bytes: 0 };
    if (now - group.last > this.#withinMs) group.times.length = 0;
    apply(group.times);
    this.#remove(lane, key);
    if (group.times.length > 0) {
      group.last = now;
      group.bytes = GROUP_BYTES + 2 * key.length + 8 * group.times.length;
      lane.groups.set(key, group);
      lane.bytes += group.bytes;
      this.#bytes += group.bytes;
    }
    while (lane.bytes > this.#maxBytes * SHARE) this.#evict(lane, now);
    while (this.#bytes > this.#maxBytes) this.#evict(this.#largest(), now);
    if (lane.groups.size === 0) this.#lanes.delete(owner);
  }

  /** What containers that are gone have left does not push out what those that run have. */
  #expireLanes(now: number): void {
    for (const [owner, { bytes, last }] of this.#lanes) {
      if (now - last <= this.#withinMs) return;
      this.#bytes -= bytes;
      this.#lanes.delete(owner);
    }
  }

  /** Each change takes away what two others left: what has run out does not pile up. */
  #expire(lane: Lane, now: number): void {
    for (let left = 2; left > 0; left -= 1) {
      const oldest = lane.groups.entries().next().value;
      if (oldest === undefined || now - oldest[1].last <= this.#withinMs) return;
      this.#remove(lane, oldest[0]);
    }
  }

  #evict(lane: Lane, now: number): void {
    const oldest = lane.groups.entries().next().value;
    if (oldest === undefined) return;
    if (now - oldest[1].last <= this.#withinMs) this.#evicted += 1;
    this.#remove(lane, oldest[0]);
  }

  #remove(lane: Lane, key: string): void {
    const group = lane.groups.get(key);
    if (group === undefined) return;
    lane.groups.delete(key);
    lane.bytes -= group.bytes;
    this.#bytes -= group.bytes;
  }

  /** Rare: only where many containers share the memory. */
  #largest(): Lane {
    let [largest, owner]: [Lane, string] = [{ groups: new Map(), bytes: -1, last: 0 }, ""];
    for (const [name, lane] of this.#lanes)
      if (lane.bytes > largest.bytes) [largest, owner] = [lane, name];
    if (largest.groups.size <= 1) this.#lanes.delete(owner);
    return largest;
  }
}
