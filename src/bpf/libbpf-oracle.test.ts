import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { compileBpf, whyNoClang } from "../../test/fixtures/clang.ts";
import { CORE_KERNEL, CORE_PROGRAM } from "../../test/fixtures/core-relocations.ts";
import { Instructions, PSEUDO } from "./instructions.ts";
import { KERNEL_BTF_PATH, readKernelBtf } from "./kernel-btf.ts";
import { parseObject } from "./parse-object.ts";
import { relocate } from "./relocate.ts";

// libbpf reads the same object, relocates it, and prints what it came to; ours must be the same,
// instruction by instruction. Only descriptors of maps differ, which each loader gets from the
// kernel anew.

const ORACLE = `
#include <bpf/libbpf.h>
#include <stdio.h>
static int quiet(enum libbpf_print_level level, const char *format, va_list arguments) { return 0; }
int main(int count, char **arguments) {
  libbpf_set_print(quiet);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  if (count > 2) options.btf_custom_path = arguments[2];
  struct bpf_object *object = bpf_object__open_file(arguments[1], &options);
  if (!object) return 1;
  struct bpf_program *each;
  if (getenv("ALL")) bpf_object__for_each_program(each, object) bpf_program__set_autoload(each, true);
  // A program that the verifier refuses (a poisoned one must be) is relocated all the same.
  int refused = bpf_object__load(object);
  struct bpf_program *program;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    const unsigned char *bytes = (const void *)bpf_program__insns(program);
    printf("%s ", bpf_program__name(program));
    for (size_t at = 0; at < bpf_program__insn_cnt(program) * 8; at += 1) printf("%02x", bytes[at]);
    printf("\\n");
  }
  fprintf(stderr, "%d", refused);
}`;

const LINKED = `
struct task_struct { s32 tgid; struct task_struct *real_parent; } KERNEL;
struct { MAP_NUMBER(type, 2); MAP_NUMBER(max_entries, 4); MAP_TYPE(key, u32); MAP_TYPE(value, u64); } numbers SEC(".maps");
struct { MAP_NUMBER(type, 27); MAP_NUMBER(max_entries, 65536); } ring SEC(".maps");
typedef int target(u64 *context); target jumped;
struct { MAP_NUMBER(type, 3); MAP_NUMBER(max_entries, 2); MAP_NUMBER(key_size, 4); MAP_VALUES(values, target); } jumps SEC(".maps") = { .values = { [1] = &jumped } };
const volatile u32 fixed = 9; const volatile u64 second = 10; u64 zero; u32 started = 5; static volatile u64 hidden;
static NOINLINE u64 leaf(u64 a) { u32 key = a & 3; u64 *value = bpf_map_lookup_elem(&numbers, &key); if (value) *value += fixed; hidden += 1; return a * second; }
NOINLINE int middle(int a) { zero += started; return leaf(a) + leaf(a + 1); }
static NOINLINE u64 unused_by_one(struct task_struct *t) { return t->tgid; }
SEC("raw_tp/sys_exit") int jumped(u64 *context) { started += 1; return 0; }
SEC("raw_tp/sys_enter") int one(u64 *context) { u64 value = middle(context[1]) + leaf(2); bpf_ringbuf_output(&ring, &value, 8, 0); bpf_tail_call(context, &jumps, 1); return 0; }
SEC("tp_btf/sched_process_exit") int two(u64 *context) { struct task_struct *t = (void *)context[0]; return unused_by_one(t) + t->real_parent->tgid + leaf(7) > 5; }
SEC("?raw_tp/sys_enter") int asleep(u64 *context) { return 0; }
`;

const skip = whyNot();

describe("relocate against libbpf", { skip }, () => {
  let folder = "";
  let oracle = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "saker-oracle-"));
    writeFileSync(join(folder, "oracle.c"), ORACLE);
    oracle = join(folder, "oracle");
    execFileSync("clang", ["-O1", "-w", "oracle.c", "-o", oracle, "-lbpf"], {
      cwd: folder,
      stdio: "pipe",
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("relocate and libbpf agree on every kind of relocation", () => {
    const kernel = compileBpf(CORE_KERNEL);
    compare(compileBpf(CORE_PROGRAM), { kernel, loads: false });
  });

  test("relocate and libbpf agree on functions, maps and global data", () =>
    compare(compileBpf(LINKED), { loads: true }));

  for (const name of [
    "saker.x64.bpf.o",
    "saker-rawtp.x64.bpf.o",
    "saker.arm64.bpf.o",
    "saker-rawtp.arm64.bpf.o",
    "saker-classic.x64.bpf.o",
    "saker-classic.arm64.bpf.o",
  ]) {
    const path = join(import.meta.dirname, "../../probe", name);
    test(
      `relocate and libbpf agree on ${name}`,
      { skip: existsSync(path) ? false : "the probe is not built" },
      () => {
        // The other architecture's probe relocates here too, though its register access does not
        // pass the verifier.
        compare(readFileSync(path), { loads: name.includes(process.arch), all: true });
      },
    );
  }

  function compare(
    object: Uint8Array,
    { kernel, loads, all = false }: { kernel?: Uint8Array; loads: boolean; all?: boolean },
  ): void {
    const path = join(folder, "object.bpf.o");
    writeFileSync(path, object);
    const kernelPath = join(folder, "kernel.bpf.o");
    if (kernel !== undefined) writeFileSync(kernelPath, kernel);
    const run = spawnSync(oracle, kernel === undefined ? [path] : [path, kernelPath], {
      encoding: "utf8",
      maxBuffer: 64 << 20,
      env: all ? { ALL: "1" } : {},
    });
    assert.equal(run.status, 0, "libbpf opens the object");
    if (loads) assert.equal(run.stderr, "0", "libbpf loads the object");
    const theirs = new Map(
      run.stdout
        .trim()
        .split("\n")
        .map((line) => [line.replace(/ .*/, ""), line.replace(/.* /, "")] as const),
    );
    const kernelBtf = kernel === undefined ? readKernelBtf() : parseObject(kernel).btf;
    const ours = relocate(parseObject(object), kernelBtf, {
      select: (program) => all || program.autoload,
    });
    assert.deepEqual(
      ours.map((program) => program.spec.name).toSorted(),
      [...theirs.keys()].toSorted(),
    );
    for (const program of ours) {
      const expected = new Uint8Array(Buffer.from(theirs.get(program.spec.name) ?? "", "hex"));
      assert.deepEqual(
        lines(withoutDescriptors(ourCode(program))),
        lines(withoutDescriptors(expected)),
        program.spec.name,
      );
    }
  }
});

/** Our code with the marks on map loads that loading sets. */
function ourCode(program: ReturnType<typeof relocate>[number]): Uint8Array {
  const code = new Instructions(program.code.slice());
  for (const { index, to } of program.mapReferences) {
    code.setSource(index, to.kind === "map" ? PSEUDO.mapFd : PSEUDO.mapValue);
    code.setImmediate(index + 1, to.kind === "map" ? 0 : to.offset);
  }
  return code.bytes;
}

function withoutDescriptors(bytes: Uint8Array): Uint8Array {
  const code = new Instructions(bytes);
  for (let index = 0; index < code.count; index += 1) {
    if (
      code.isWideLoad(index) &&
      (code.source(index) === PSEUDO.mapFd || code.source(index) === PSEUDO.mapValue)
    )
      code.setImmediate(index, 0);
  }
  return bytes;
}

/** One line an instruction, for a readable difference. */
function lines(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString("hex");
  return Array.from(
    { length: bytes.length / 8 },
    (_, index) => `${index}: ${text.slice(index * 16, index * 16 + 16)}`,
  );
}

function whyNot(): string | false {
  const clang = whyNoClang();
  if (clang !== undefined) return clang;
  if (!existsSync("/usr/include/bpf/libbpf.h"))
    return "needs libbpf's headers (Debian: libbpf-dev)";
  if (!existsSync(KERNEL_BTF_PATH)) return "needs a kernel with BTF";
  return process.getuid?.() === 0 ? false : "needs root: libbpf loads what it relocates";
}
