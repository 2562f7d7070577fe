import type { OnRecord } from "../bpf/ring-buffer.ts";
import type { CallFilter } from "../events/call-filter.ts";
import type { Losses } from "./losses.ts";
import type { ProbeCounters } from "./probe-counters.ts";

/** A control group: those of the two versions may have the same id. */
export interface CgroupKey {
  readonly id: number;
  readonly isV1: boolean;
}

/** What a source sends beyond the events themselves. */
export interface EventOptions {
  /** A program's start tells its environment. */
  readonly environment?: boolean;
  /** scap's numbers of the calls that the generic event tells of. */
  readonly genericCalls?: ReadonlySet<number>;
}

/** Where records of the running kernel come from (layout: events/record.ts). */
export interface KernelSource {
  /** What it works by: `tp_btf`, `raw_tp`, `sockets`. */
  readonly variant: string;
  /** It tells of what listens already by itself. */
  readonly reportsListening?: true;
  /** Hands over records until `close`. */
  start(onRecord: OnRecord): Promise<void> | void;
  /** Hands over events of these scap codes only, as far as it sees them. */
  setEnabled(codes: ReadonlySet<number>, options?: EventOptions): void;
  /** Hands over no call that cannot pass; undefined: all. */
  setCallFilter(filter: CallFilter | undefined): void;
  /** Tells whether a cgroup is no container's. */
  setHostCgroup(cgroup: CgroupKey, isHost: boolean): void;
  counters(): ProbeCounters;
  losses(): Losses;
  close(): void;
}
