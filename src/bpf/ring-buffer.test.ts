import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compileBpf } from "../../test/fixtures/clang.ts";
import { whyNoBpfFromSource } from "../../test/fixtures/live-bpf.ts";
import { readKernelBtf } from "./kernel-btf.ts";
import { loadObject, type LoadedObject } from "./load-object.ts";
import type { ObjectSpec } from "./object-spec.ts";
import { parseObject } from "./parse-object.ts";
import { RingBuffer } from "./ring-buffer.ts";
import { pauseAfter } from "./ring-run.ts";

// Each thread that ends puts records with its id into the ring: numbered ones of all lengths, then
// a discarded one.
const SOURCE = `
struct record { u32 tid; u32 number; u8 rest[96]; };
struct { MAP_NUMBER(type, 27); MAP_NUMBER(max_entries, 262144); } ring SEC(".maps");
struct { MAP_NUMBER(type, 2); MAP_NUMBER(max_entries, 2); MAP_TYPE(key, u32); MAP_TYPE(value, u64); } counts SEC(".maps");
SEC("raw_tp/sched_process_exit") int ending(u64 *context) {
  u32 zero = 0, one = 1;
  u64 *many = bpf_map_lookup_elem(&counts, &zero), *lost = bpf_map_lookup_elem(&counts, &one);
  if (!many || !lost || !*many) return 0;
  u64 limit = *many;
  struct record record = { .tid = bpf_get_current_pid_tgid() };
  for (u32 i = 0; i < 1000; i += 1) {
    if (i >= limit) break;
    record.number = i;
    for (u32 k = 0; k < sizeof(record.rest); k += 1) record.rest[k] = i;
    u32 more = i;
    asm volatile("" : "+r"(more));
    more &= 63;
    if (bpf_ringbuf_output(&ring, &record, 8 + more, 0)) __sync_fetch_and_add(lost, 1);
  }
  u32 *dropped = bpf_ringbuf_reserve(&ring, 16, 0);
  if (dropped) { *dropped = 0xdead; bpf_ringbuf_discard(dropped, 0); }
  return 0;
}`;

test("pauseAfter() is as long as an eighth of the ring takes to fill, and so long at most", () => {
  const ring = { elapsedMs: 2, ringBytes: 65_536, longestMs: 2 };
  assert.deepEqual(
    [0, 1000, 8192, 16_384, 32_768].map((bytes) => pauseAfter(bytes, ring)),
    [2, 2, 2, 1, 0.5],
  );
});

describe("RingBuffer", { skip: whyNoBpfFromSource() }, () => {
  let spec: ObjectSpec;
  const kernelBtf = process.getuid?.() === 0 ? readKernelBtf() : undefined;
  before(() => {
    spec = parseObject(compileBpf(SOURCE));
  });

  function load(recordsPerExit: number): LoadedObject {
    assert.ok(kernelBtf !== undefined);
    const object = loadObject(spec, { kernelBtf });
    object.map("counts").update(u32(0), u64(recordsPerExit));
    object.attach();
    return object;
  }

  test("RingBuffer.drain hands over whole records in order, discarded ones left out", () => {
    const object = load(300);
    const ring = new RingBuffer(object.map("ring"));
    const pid = spawnSync("true").pid;
    const numbers: number[] = [];
    let records = 0;
    const drained = ring.drain((bytes, view, start, length) => {
      records += 1;
      assert.equal(start % 8, 0);
      if (view.getUint32(start, true) !== pid) return;
      const number = view.getUint32(start + 4, true);
      assert.equal(length, 8 + (number & 63));
      for (let at = start + 8; at < start + length; at += 1) assert.equal(bytes[at], number & 0xff);
      numbers.push(number);
    });
    assert.equal(drained, records);
    assert.deepEqual(
      numbers,
      Array.from({ length: 300 }, (_, index) => index),
    );
    // Other processes of the machine may end meanwhile.
    ring.drain((_bytes, view, start) => assert.notEqual(view.getUint32(start, true), pid));
    ring.close();
    assert.equal(
      ring.drain(() => assert.fail("the ring is closed")),
      0,
    );
    object.close();
  });

  test(
    "RingBuffer.run loses nothing over many turns of the ring",
    { timeout: 60_000 },
    async () => {
      const object = load(1000);
      const ring = new RingBuffer(object.map("ring"));
      const next = new Map<number, number>();
      let records = 0;
      const run = ring.run((bytes, view, start, length) => {
        const tid = view.getUint32(start, true);
        const number = view.getUint32(start + 4, true);
        // Where the ring ends within a record, its rest stands at the beginning.
        for (let at = start + 8; at < start + length; at += 1)
          if (bytes[at] !== (number & 0xff)) assert.fail(`record ${number} has others' bytes`);
        if (number < (next.get(tid) ?? 0))
          assert.fail(`record ${number} of thread ${tid} came late or twice`);
        next.set(tid, number + 1);
        records += 1;
      });
      // 300 ends of 1000 records of some 50 bytes: the ring of 256 KiB goes round about sixty
      // times.
      const child = spawn("sh", ["-c", "for i in $(seq 300); do /bin/true; done"]);
      await once(child, "close");
      // Other processes of the machine end too; from here on they leave nothing.
      object.map("counts").update(u32(0), u64(0));
      await sleep(50);
      const lost = Number(
        new DataView(
          (object.map("counts").lookup(u32(1)) ?? new Uint8Array(8)).buffer,
        ).getBigUint64(0, true),
      );
      ring.close();
      await run;
      object.close();
      assert.ok(records + lost >= 301_000, `${records} records and ${lost} lost`);
      assert.equal(
        (records + lost) % 1000,
        0,
        "each thread left all of its records or counted them as lost",
      );
      assert.ok(records > 20_000, `${records} records`);
    },
  );

  test("RingBuffer.run sleeps while there is nothing, wakes in milliseconds, ends at once", async () => {
    const object = load(1);
    const ring = new RingBuffer(object.map("ring"));
    const seen: { pid: number; at: number }[] = [];
    const run = ring.run((_bytes, view, start) =>
      seen.push({ pid: view.getUint32(start, true), at: performance.now() }),
    );
    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `${(user + system) / 1000} ms of CPU while idle`);
    const child = spawn("true");
    const ended = once(child, "exit").then(() => performance.now());
    await sleep(100);
    const mine = seen.find(({ pid }) => pid === child.pid);
    assert.ok(mine !== undefined, "the child's end was seen");
    assert.ok(mine.at - (await ended) < 50, `seen ${mine.at - (await ended)} ms after its end`);
    const closing = performance.now();
    ring.close();
    ring.close();
    await run;
    assert.ok(performance.now() - closing < 20);
    object.close();
  });

  test("RingBuffer.close is safe from within a record", async () => {
    const object = load(50);
    const ring = new RingBuffer(object.map("ring"));
    let records = 0;
    const run = ring.run(() => {
      records += 1;
      ring.close();
    });
    spawnSync("true");
    await run;
    assert.ok(records >= 50, "what was taken out is handed over");
    object.close();
  });

  test("RingBuffer.run rejects with what the consumer throws", async () => {
    const object = load(1);
    const ring = new RingBuffer(object.map("ring"));
    const run = ring.run(() => {
      throw new Error("consumer");
    });
    spawnSync("true");
    await assert.rejects(run, { message: "consumer" });
    ring.close();
    object.close();
  });

  test("RingBuffer opens and closes many times without a trace", () => {
    const object = load(1);
    const descriptors = readdirSync("/proc/self/fd").length;
    for (let index = 0; index < 300; index += 1) {
      const ring = new RingBuffer(object.map("ring"));
      if (index % 50 === 0) spawnSync("true");
      ring.drain(() => {});
      ring.close();
    }
    assert.equal(readdirSync("/proc/self/fd").length, descriptors);
    object.close();
  });

  test("RingBuffer refuses other maps", () => {
    const object = load(1);
    assert.throws(() => new RingBuffer(object.map("counts")), { code: "BUG_NOT_A_RING" });
    object.close();
  });
});

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}
