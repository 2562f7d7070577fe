import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { compileBpf, whyNoClang } from "../../test/fixtures/clang.ts";
import { AppError } from "../lib/errors.ts";
import { KERNEL_BTF_PATH, readKernelBtf } from "./kernel-btf.ts";
import { MAP_TYPE } from "./object-spec.ts";
import { parseObject } from "./parse-object.ts";
import { relocate } from "./relocate.ts";

const PROBE = join(import.meta.dirname, "../../probe/saker.x64.bpf.o");

describe("parseObject", { skip: whyNoClang() ?? false }, () => {
  test("parseObject reads maps with their sizes, flags and first programs", () => {
    const spec = parseObject(
      compileBpf(`
        struct value { u64 a; u32 b; };
        struct { MAP_NUMBER(type, 9); MAP_NUMBER(max_entries, 100); MAP_NUMBER(map_flags, 2); MAP_TYPE(key, u32); MAP_TYPE(value, struct value); } recent SEC(".maps");
        struct { MAP_NUMBER(type, 27); MAP_NUMBER(max_entries, 65536); } ring SEC(".maps");
        typedef int target(u64 *context); target jumped;
        struct { MAP_NUMBER(type, 3); MAP_NUMBER(max_entries, 4); MAP_NUMBER(key_size, 4); MAP_VALUES(values, target); } jumps SEC(".maps") = { .values = { [2] = &jumped } };
        const volatile u32 constant = 7; u32 variable = 8; u64 nothing;
        SEC("raw_tp/sys_exit") int jumped(u64 *context) { variable = constant; nothing = 1; return 0; }`),
    );
    const maps = [...spec.maps.values()].map(
      ({ name, type, keySize, valueSize, maxEntries, flags, frozen }) => [
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
        flags,
        frozen,
      ],
    );
    assert.deepEqual(maps.toSorted(byFirst), [
      [".bss", MAP_TYPE.array, 4, 8, 1, 0, false],
      [".data", MAP_TYPE.array, 4, 4, 1, 0, false],
      [".rodata", MAP_TYPE.array, 4, 4, 1, 128, true],
      ["jumps", MAP_TYPE.progArray, 4, 4, 4, 0, false],
      ["recent", MAP_TYPE.lruHash, 4, 16, 100, 2, false],
      ["ring", MAP_TYPE.ringbuf, 0, 0, 65536, 0, false],
    ]);
    assert.deepEqual(spec.maps.get("jumps")?.programs, new Map([[2, "jumped"]]));
    assert.deepEqual(spec.maps.get(".data")?.content, Uint8Array.of(8, 0, 0, 0));
    assert.equal(spec.license, "GPL");
  });

  test("parseObject tells from the section's name where a program hangs", () => {
    const sections = ["tp_btf/a", "raw_tp/b", "raw_tracepoint/c", "raw_tp.w/d", "?tp_btf/e"];
    const spec = parseObject(
      compileBpf(
        sections
          .map((name, index) => `SEC("${name}") int p${index}(u64 *context) { return ${index}; }`)
          .join("\n"),
      ),
    );
    const found = spec.programs.map(({ name, attach, autoload }) => [
      name,
      attach.kind,
      attach.tracepoint,
      autoload,
    ]);
    assert.deepEqual(found.toSorted(byFirst), [
      ["p0", "tp_btf", "a", true],
      ["p1", "raw_tp", "b", true],
      ["p2", "raw_tp", "c", true],
      ["p3", "raw_tp.w", "d", true],
      ["p4", "tp_btf", "e", false],
    ]);
  });

  const refused: readonly (readonly [name: string, source: string, message: RegExp])[] = [
    [
      "a program type it does not know",
      `SEC("xdp") int p(void *c) { return 0; }`,
      /program "p".*programs of section "xdp" are not supported/,
    ],
    [
      "a tracepoint without a name",
      `SEC("raw_tp") int p(void *c) { return 0; }`,
      /program "p".*names no tracepoint/,
    ],
    [
      "an outside variable",
      `extern int outside; SEC("raw_tp/x") int p(void *c) { return outside; }`,
      /program "p".*refers to "outside", which the object does not define/,
    ],
    [
      "a map without a type",
      `struct { MAP_NUMBER(max_entries, 1); } m SEC(".maps");`,
      /map "m".*it states no type/,
    ],
    [
      "a map with an attribute it does not know",
      `struct { MAP_NUMBER(sort, 1); } m SEC(".maps");`,
      /map "m".*unknown attribute sort/,
    ],
  ];
  for (const [name, source, message] of refused) {
    test(`parseObject refuses ${name}`, () =>
      assert.throws(() => parseObject(compileBpf(source)), { code: "INPUT_BPF_OBJECT", message }));
  }
});

describe("parseObject of other files", () => {
  test("parseObject refuses what is not ELF", () => {
    assert.throws(() => parseObject(Buffer.from("#!/bin/sh\necho no object")), {
      code: "INPUT_ELF",
      message: "Cannot read BPF object: it is not an ELF file",
    });
  });
  test("parseObject refuses programs of this machine", () => {
    assert.throws(() => parseObject(readFileSync(process.execPath).subarray(0, 4096)), {
      code: "INPUT_ELF",
      message: "Cannot read BPF object: it is not a relocatable BPF object",
    });
  });
});

describe(
  "parseObject of the probe",
  { skip: existsSync(PROBE) ? false : "the probe is not built" },
  () => {
    test("parseObject gives the same spec twice", () => {
      const programs = () =>
        parseObject(readFileSync(PROBE)).programs.map((one) => ({ ...one, lines: one.lines() }));
      assert.deepEqual(programs(), programs());
    });

    test(
      "parseObject and relocate meet flipped bytes with AppErrors only",
      { timeout: 60_000 },
      () => {
        const original = new Uint8Array(readFileSync(PROBE));
        const btf = existsSync(KERNEL_BTF_PATH) ? readKernelBtf() : parseObject(original).btf;
        const flips = fc.array(
          fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })),
          { minLength: 1, maxLength: 4 },
        );
        // The header, the section table and the tables of types hold the traps; code and strings
        // fill most of the file.
        fc.assert(
          fc.property(flips, fc.boolean(), (changes, atEdges) => {
            const bytes = original.slice();
            for (const [at, mask] of changes) {
              const place = atEdges
                ? at % 2 === 0
                  ? at % 64
                  : original.length - 1 - (at % 2048)
                : at;
              bytes[place] = (bytes[place] ?? 0) ^ mask;
            }
            try {
              const spec = parseObject(bytes);
              relocate(spec, btf);
              for (const { lines } of spec.functions) lines();
            } catch (thrown) {
              if (!(thrown instanceof AppError)) throw thrown;
            }
          }),
          { numRuns: 400 },
        );
      },
    );

    test("parseObject meets every cut of the file with AppErrors only", () => {
      const original = new Uint8Array(readFileSync(PROBE));
      for (let length = 0; length < original.length; length += 997) {
        assert.throws(() => parseObject(original.subarray(0, length)), AppError);
      }
    });
  },
);

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
