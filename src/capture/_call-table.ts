import type { BpfMap } from "../bpf/bpf-map.ts";
import { callRows, type ProbeArchitecture } from "../events/probe-events.ts";
import { keyOf } from "./_probe-layout.ts";

/** What the probe is to tell of: scap event codes, and scap's numbers of calls without an own event. */
export interface WantedCalls {
  readonly codes: ReadonlySet<number>;
  readonly genericCalls: ReadonlySet<number>;
}

/** `struct call` of probe/syscalls.h: four u16. */
const CALL_SIZE = 8;
const NO_CALL = new Uint8Array(CALL_SIZE);

/** The map that tells the probe which system calls are asked for, by number. */
export class CallTable {
  readonly #map: BpfMap;
  readonly #architecture: ProbeArchitecture;
  /** What stands in the map; at first nobody knows, since a probe may be taken over from another process. */
  #rows: ReadonlyMap<number, readonly number[]> | undefined;

  constructor(map: BpfMap, architecture: ProbeArchitecture) {
    this.#map = map;
    this.#architecture = architecture;
  }

  /** Takes effect at once, call by call. Throws `KERNEL_<ERRNO>`. */
  use({ codes, genericCalls }: WantedCalls): void {
    const rows = callRows(this.#architecture, codes, genericCalls);
    const before = this.#rows?.keys() ?? Array(this.#map.spec.maxEntries).keys();
    for (const place of before) if (!rows.has(place)) this.#map.update(keyOf(place), NO_CALL);
    for (const [place, row] of rows)
      this.#map.update(keyOf(place), new Uint8Array(Uint16Array.from(row).buffer));
    this.#rows = rows;
  }
}
