import type { BpfMap } from "../bpf/bpf-map.ts";
import type { LoadedObject } from "../bpf/load-object.ts";
import { FIRST_KEY, keyOf } from "./_probe-layout.ts";
import { type CgroupLoss, type CutCounts, type Losses, NO_LOSSES } from "./losses.ts";

/** What became of the calls of one event: `seen` is the sum of the others. */
export interface Outcomes {
  /** Calls of an enabled event. */
  readonly seen: number;
  /** Left in the kernel, because no rule could match them. */
  readonly filtered: number;
  readonly sent: number;
  readonly dropped: number;
}

/** What the probe counted since it was opened, over all CPUs. */
export interface ProbeCounters extends Omit<Outcomes, "dropped"> {
  /** Notices count here, too. */
  readonly dropped: Losses;
  /** Sent, but not whole. */
  readonly cut: CutCounts;
  /** Records that are not scap events (`NOTICE` of events/record.ts); not counted in `sent`. */
  readonly notices: number;
  /** By scap event code; events that never came are left out. */
  readonly byCode: ReadonlyMap<number, Outcomes>;
}

/** Reads what the probe counts. */
export class ProbeCounts {
  readonly #counters: BpfMap;
  readonly #outcomes: BpfMap;
  readonly #cgroupLosses: BpfMap;
  readonly #missed: () => number;
  readonly #everEnabled = new Set<number>();
  #askedAt = Number.NEGATIVE_INFINITY;
  #skipped = 0;
  #byCgroup: readonly CgroupLoss[] = [];

  /** `object`: the probe. */
  constructor(object: LoadedObject) {
    this.#counters = object.map("counters");
    this.#outcomes = object.map("outcomes");
    this.#cgroupLosses = object.map("cgroup_losses");
    this.#missed = object.missed;
  }

  /** Calls of these events, by scap's code, count from now on. */
  enabled(codes: ReadonlySet<number>): void {
    for (const code of codes) this.#everEnabled.add(code);
  }

  /** All of them; `unread`: records that nobody was handed. */
  counters(unread: number): ProbeCounters {
    const [, , notices = 0, text = 0, path = 0, record = 0] = sumPerCpu(
      this.#counters,
      FIRST_KEY,
      COUNTERS.length,
    );
    const byCode = new Map<number, Outcomes>();
    for (const code of this.#everEnabled) {
      const [filtered = 0, sent = 0, dropped = 0] = sumPerCpu(
        this.#outcomes,
        keyOf(code),
        OUTCOMES.length,
      );
      const seen = filtered + sent + dropped;
      if (seen > 0) byCode.set(code, { seen, filtered, sent, dropped });
    }
    const total = (what: keyof Outcomes): number =>
      [...byCode.values()].reduce((sum, outcomes) => sum + outcomes[what], 0);
    return {
      seen: total("seen"),
      filtered: total("filtered"),
      sent: total("sent"),
      dropped: this.losses(unread),
      cut: { text, path, record },
      notices,
      byCode,
    };
  }

  /** The part of `counters` that is cheap enough to be asked often. */
  losses(unread: number): Losses {
    const perCpu = (this.#counters.perCpuLookup(FIRST_KEY) ?? []).map((value) => ({
      ringFull: u64At(value, COUNTERS.indexOf("dropped_ring_full")),
      overShare: u64At(value, COUNTERS.indexOf("dropped_over_share")),
      scratchBusy: u64At(value, COUNTERS.indexOf("dropped_scratch_busy")),
    }));
    const sum = (what: "ringFull" | "overShare" | "scratchBusy"): number =>
      perCpu.reduce((total, lost) => total + lost[what], 0);
    const [ringFull, overShare] = [sum("ringFull"), sum("overShare")];
    this.#ask(ringFull + overShare > 0);
    return {
      ...NO_LOSSES,
      ringFull,
      overShare,
      scratchBusy: sum("scratchBusy"),
      skipped: this.#skipped,
      unread,
      byCpu: perCpu.map((lost) => lost.ringFull + lost.overShare + lost.scratchBusy),
      byCgroup: this.#byCgroup,
    };
  }

  /** `counters` once nothing comes any more: all of it is read anew. */
  last(unread: number): ProbeCounters {
    this.#askedAt = Number.NEGATIVE_INFINITY;
    return this.counters(unread);
  }

  /** What takes a while to be asked: now and then. */
  #ask(hasLost: boolean): void {
    if (performance.now() - this.#askedAt < (hasLost ? ASK_MS : ASK_AT_REST_MS)) return;
    this.#askedAt = performance.now();
    this.#skipped = this.#missed();
    if (hasLost) this.#byCgroup = cgroupLosses(this.#cgroupLosses);
  }
}

/** The members of `struct counters` of probe/record.h, in order, a u64 each. */
export const COUNTERS = [
  "dropped_ring_full",
  "dropped_scratch_busy",
  "notices",
  "cut_text",
  "cut_path",
  "cut_record",
  "dropped_over_share",
] as const;

/** The members of `struct outcomes` of probe/record.h, in order, a u64 each. */
export const OUTCOMES = ["filtered", "sent", "dropped"] as const;

const ASK_MS = 2000;
const ASK_AT_REST_MS = 10_000;

/** The first `words` u64 of a per-CPU value, summed over the CPUs. */
function sumPerCpu(map: BpfMap, key: Uint8Array, words: number): number[] {
  const sums = Array.from({ length: words }, () => 0);
  for (const value of map.perCpuLookup(key) ?? []) {
    for (const index of sums.keys()) sums[index] = (sums[index] ?? 0) + u64At(value, index);
  }
  return sums;
}

/** A key has the number of `host_cgroups`: bit 63 for the first version. */
function cgroupLosses(map: BpfMap): readonly CgroupLoss[] {
  const losses = Array.from(map.keys()).map((key) => {
    const cgroup = new DataView(key.buffer).getBigUint64(0, true);
    const id = Number(BigInt.asUintN(63, cgroup));
    return { id, isV1: cgroup >> 63n === 1n, lost: u64At(map.lookup(key) ?? new Uint8Array(8), 0) };
  });
  return losses.toSorted((left, right) => right.lost - left.lost);
}

function u64At(bytes: Uint8Array, index: number): number {
  return Number(
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(index * 8, true),
  );
}
