import { existsSync } from "node:fs";
import type { BpfMap } from "../bpf/bpf-map.ts";
import { hostPath } from "../lib/host-root.ts";

/** Requests of io_uring that began and did not end yet, as the probe keeps them; it has 4096 places. */
export class PendingRequests {
  readonly #map: BpfMap;

  /** `map`: the probe's `requests`. */
  constructor(map: BpfMap) {
    this.#map = map;
  }

  /** Those that never end keep their places: forgets what processes that are gone had begun. */
  forgetGone(): void {
    this.#forget(({ pid }) => !existsSync(hostPath(`/proc/${pid}`)));
  }

  /**
   * Forgets what stands for these events, by scap's code. Nobody saw requests end while their event
   * was not asked for: another one at the same place would be told with their words.
   */
  forgetEvents(codes: ReadonlySet<number>): void {
    if (codes.size > 0) this.#forget(({ code }) => codes.has(code));
  }

  #forget(isPast: (request: { readonly pid: number; readonly code: number }) => boolean): void {
    for (const key of Array.from(this.#map.keys())) {
      const bytes = this.#map.lookup(key);
      if (bytes === undefined) continue;
      const request = new DataView(bytes.buffer, bytes.byteOffset);
      const pid = request.getUint32(PID, true);
      if (isPast({ pid, code: request.getUint16(CODE, true) })) this.#map.delete(key);
    }
  }
}

/** Where `struct request` of probe/writer.h tells its process, and the upper half of what it stands for. */
const [PID, CODE] = [8, 14];
