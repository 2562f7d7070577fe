import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync } from "node:fs";
import { before, describe, test } from "node:test";
import { compileBpf } from "../../test/fixtures/clang.ts";
import { whyNoBpfFromSource } from "../../test/fixtures/live-bpf.ts";
import { AppError } from "../lib/errors.ts";
import type { Btf } from "./btf.ts";
import { readKernelBtf } from "./kernel-btf.ts";
import { loadObject } from "./load-object.ts";
import { parseObject } from "./parse-object.ts";
import { VerifierLog } from "./verifier-log.ts";

const MAPS = `
struct value { u64 count; u32 twice; };
struct { MAP_NUMBER(type, 1); MAP_NUMBER(max_entries, 8); MAP_TYPE(key, u32); MAP_TYPE(value, struct value); } table SEC(".maps");
struct { MAP_NUMBER(type, 6); MAP_NUMBER(max_entries, 1); MAP_TYPE(key, u32); MAP_TYPE(value, u64); } each SEC(".maps");
`;
const COUNTING = `
struct task_struct { s32 tgid; } KERNEL;
struct { MAP_NUMBER(type, 6); MAP_NUMBER(max_entries, 1); MAP_TYPE(key, u32); MAP_TYPE(value, u64); } each SEC(".maps");
typedef int target(u64 *context); target jumped;
struct { MAP_NUMBER(type, 3); MAP_NUMBER(max_entries, 2); MAP_NUMBER(key_size, 4); MAP_VALUES(values, target); } jumps SEC(".maps") = { .values = { [1] = &jumped } };
const volatile u32 step = 3; u64 exits = 100; u64 jumps_taken;
static NOINLINE void count(void) { u32 zero = 0; u64 *value = bpf_map_lookup_elem(&each, &zero); if (value) *value += step; }
SEC("raw_tp/sched_process_exit") int jumped(u64 *context) { __sync_fetch_and_add(&jumps_taken, 1); return 0; }
SEC("raw_tp/sched_process_exit") int raw(u64 *context) { count(); bpf_tail_call(context, &jumps, 1); return 0; }
SEC("tp_btf/sched_process_exit") int typed(u64 *context) { struct task_struct *task = (void *)context[0]; if (task->tgid) __sync_fetch_and_add(&exits, 1); return 0; }
`;

describe("loadObject", { skip: whyNoBpfFromSource() }, () => {
  let kernelBtf: Btf;
  before(() => {
    kernelBtf = readKernelBtf();
  });

  test("BpfMap reads, writes, deletes and lists", () => {
    const object = loadObject(parseObject(compileBpf(MAPS)), {
      kernelBtf,
      mapOverrides: { table: { maxEntries: 2 } },
    });
    const table = object.map("table");
    assert.equal(table.spec.maxEntries, 2);
    const value = (count: number): Uint8Array =>
      new Uint8Array(BigUint64Array.of(BigInt(count), 0n).buffer);
    assert.equal(table.lookup(u32(7)), undefined);
    table.update(u32(7), value(70));
    table.update(u32(8), value(80));
    assert.throws(() => table.update(u32(9), value(90)), {
      code: "KERNEL_E2BIG",
      message: 'Cannot write BPF map "table": E2BIG',
    });
    assert.deepEqual(table.lookup(u32(7)), value(70));
    assert.deepEqual(new Set([...table.keys()].map((key) => key[0])), new Set([7, 8]));
    assert.equal(table.delete(u32(7)), true);
    assert.equal(table.delete(u32(7)), false);
    assert.deepEqual([...table.keys()], [u32(8)]);
    assert.throws(() => table.lookup(new Uint8Array(3)), {
      code: "BUG_MAP_SIZE",
      message: 'Cannot use BPF map "table": key has 3 bytes, not 4',
    });
    assert.deepEqual(
      new Set(object.map("each").perCpuLookup(u32(0))?.map(String)),
      new Set([String(new Uint8Array(8))]),
    );
    assert.throws(() => object.map("other"), { code: "BUG_NO_MAP" });
    object.close();
  });

  test("loadObject runs typed and raw programs, functions, tail calls and global data", () => {
    const object = loadObject(parseObject(compileBpf(COUNTING)), { kernelBtf });
    object.attach();
    for (let index = 0; index < 5; index += 1) spawnSync("true");
    const number = (name: string, offset: number): number => {
      const bytes = object.map(name).lookup(u32(0)) ?? new Uint8Array(16);
      return Number(new DataView(bytes.buffer).getBigUint64(offset, true));
    };
    const counted = (object.map("each").perCpuLookup(u32(0)) ?? []).reduce(
      (sum, value) =>
        sum + Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)),
      0,
    );
    const exits = number(".data", 0) - 100;
    assert.ok(exits >= 5, `tp_btf saw ${exits} exits`);
    assert.ok(counted >= 15 && counted % 3 === 0, `raw_tp counted ${counted}, three at a time`);
    assert.ok(number(".bss", 0) >= 5, "tail calls");
    object.close();
    // Its numbers may be others' by now.
    const others = Array.from({ length: 40 }, () => openSync("/dev/null", "r"));
    object.close();
    for (const fd of others) closeSync(fd);
  });

  test("loadObject loads what is selected", () => {
    const object = loadObject(parseObject(compileBpf(COUNTING)), {
      kernelBtf,
      select: ({ attach }) => attach.kind === "tp_btf",
    });
    assert.deepEqual(
      object.programs.map(({ name }) => name),
      ["typed"],
    );
    object.close();
  });

  test("loadObject shortens what the verifier says, keeps all of it, and leaves nothing open", () => {
    const descriptors = readdirSync("/proc/self/fd").length;
    const source = `SEC("raw_tp/sys_exit") int wild(u64 *context) { return *(int *)context[0]; }`;
    const spec = parseObject(compileBpf(`${MAPS}${source}`));
    assert.throws(
      () => loadObject(spec, { kernelBtf }),
      (thrown) => {
        assert.ok(thrown instanceof AppError);
        assert.match(thrown.code, /^KERNEL_E(ACCES|INVAL)$/);
        assert.match(
          thrown.message,
          /^Cannot load BPF program "wild": the kernel's verifier refuses it: R\d invalid mem access/,
        );
        assert.match(
          thrown.hint ?? "",
          /; SEC\("raw_tp\/sys_exit"\) int wild/,
          "the line of the source",
        );
        assert.ok(thrown.cause instanceof VerifierLog && thrown.cause.log.includes("processed"));
        return true;
      },
    );
    assert.equal(readdirSync("/proc/self/fd").length, descriptors);
  });

  test("loadObject names a tracepoint that the kernel lacks", () => {
    const typed = parseObject(
      compileBpf(`SEC("tp_btf/no_such_thing") int p(u64 *context) { return 0; }`),
    );
    assert.throws(() => loadObject(typed, { kernelBtf }), {
      code: "KERNEL_NO_TRACEPOINT",
      message: 'Cannot load BPF program "p": this kernel has no tracepoint "no_such_thing"',
    });
    const raw = loadObject(
      parseObject(compileBpf(`SEC("raw_tp/no_such_thing") int p(u64 *context) { return 0; }`)),
      { kernelBtf },
    );
    assert.throws(() => raw.attach(), {
      code: "KERNEL_ENOENT",
      message: 'Cannot attach BPF program "p" to tracepoint "no_such_thing": ENOENT',
    });
    raw.close();
  });
});

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
