import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compileBpf } from "../../test/fixtures/clang.ts";
import { whyNoBpfFromSource } from "../../test/fixtures/live-bpf.ts";
import { readKernelBtf } from "./kernel-btf.ts";
import { loadObject } from "./load-object.ts";
import { parseObject } from "./parse-object.ts";
import { RingBuffer } from "./ring-buffer.ts";
import { RingPair } from "./ring-pair.ts";

// Each thread that ends leaves numbered records, every third of them in the first ring.
const SOURCE = `
static u64 (*now)(void) = (void *)125;
struct record { u64 time; u32 tid; u32 number; u8 rest[96]; };
struct { MAP_NUMBER(type, 27); MAP_NUMBER(max_entries, 262144); } first SEC(".maps");
struct { MAP_NUMBER(type, 27); MAP_NUMBER(max_entries, 262144); } bulk SEC(".maps");
struct { MAP_NUMBER(type, 2); MAP_NUMBER(max_entries, 1); MAP_TYPE(key, u32); MAP_TYPE(value, u64); } counts SEC(".maps");
SEC("raw_tp/sched_process_exit") int ending(u64 *context) {
  u32 zero = 0;
  u64 *many = bpf_map_lookup_elem(&counts, &zero);
  if (!many || !*many) return 0;
  u64 limit = *many;
  struct record record = { .tid = bpf_get_current_pid_tgid() };
  for (u32 i = 0; i < 1000; i += 1) {
    if (i >= limit) break;
    record.number = i;
    record.time = now();
    if (i % 3 == 0) bpf_ringbuf_output(&first, &record, sizeof(record), 0);
    else bpf_ringbuf_output(&bulk, &record, sizeof(record), 0);
  }
  return 0;
}`;

describe("RingPair", { skip: whyNoBpfFromSource() }, () => {
  const load = (recordsPerExit: number) => {
    const object = loadObject(parseObject(compileBpf(SOURCE)), { kernelBtf: readKernelBtf() });
    const many = new Uint8Array(BigUint64Array.of(BigInt(recordsPerExit)).buffer);
    object.map("counts").update(new Uint8Array(4), many);
    object.attach();
    const pair = new RingPair({
      first: new RingBuffer(object.map("first")),
      bulk: new RingBuffer(object.map("bulk")),
      timeOf: (view, start) => Number(view.getBigUint64(start, true)),
    });
    return { object, pair };
  };

  test("RingPair.drain hands over both rings in the order of their records", () => {
    const { object, pair } = load(300);
    const { pid } = spawnSync("true");
    const numbers: number[] = [];
    while (
      pair.drain((_, view, start) => {
        if (view.getUint32(start + 8, true) === pid) numbers.push(view.getUint32(start + 12, true));
      }) > 0
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 300 }, (_, index) => index),
    );
    pair.close();
    object.close();
  });

  test("RingPair.run keeps each thread's order under load, on all CPUs at once", async () => {
    const { object, pair } = load(400);
    const next = new Map<number, number>();
    const late: string[] = [];
    let records = 0;
    const run = pair.run((_, view, start) => {
      const [tid, number] = [view.getUint32(start + 8, true), view.getUint32(start + 12, true)];
      if (number < (next.get(tid) ?? 0)) late.push(`${number} of ${tid} after ${next.get(tid)}`);
      next.set(tid, number + 1);
      records += 1;
    });
    const script = "for i in $(seq 150); do /bin/true; done";
    const loads = [1, 2, 3].map(() => once(spawn("sh", ["-c", script]), "close"));
    await Promise.all(loads);
    await sleep(100);
    pair.close();
    await run;
    object.close();
    assert.deepEqual(late, []);
    assert.ok(records > 20_000, `${records} records`);
  });

  test("RingPair.run hands over the last record of the first ring, too", async () => {
    const { object, pair } = load(1);
    const seen = new Set<number>();
    const run = pair.run((_, view, start) => seen.add(view.getUint32(start + 8, true)));
    const { pid } = spawnSync("true");
    await sleep(100);
    assert.ok(seen.has(pid));
    pair.close();
    await run;
    object.close();
  });
});
